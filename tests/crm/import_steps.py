"""What the tests of imports do again and again: a file arrives, the scheduler works, somebody starts the job."""

from collections.abc import Callable

from sqlalchemy import func, select

from crm import import_files, imports
from crm.db import Database
from crm.models.integration import Import, ImportKind
from crm.models.staff import Staff
from scheduler import imports as worker
from tests.crm import factories

HEAD = "Mã KH,Họ và tên,Số điện thoại,E-mail,Xưng hô,Ngày sinh,Hạng,Ghi chú"
MAI = "KH1,Trần Thị Mai,0912 345 678,MAI@example.org,chị,02/09/1990,Vàng,thân thiết"


def _go_on() -> bool:
    return False


def work(database: Database, pause: Callable[[], bool] = _go_on) -> None:
    worker.work(database.read, database.begin, pause)


def upload(database: Database, kind: ImportKind, content: bytes, name: str = "khach.csv") -> int:
    stored = import_files.store([content])
    with database.begin() as session:
        return imports.begin(session, None, kind, name, stored).id


def job(database: Database, number: int) -> Import:
    with database.read() as session:
        return imports.get(session, number)


def start(database: Database, number: int) -> None:
    with database.begin() as session:
        admin = session.scalars(select(Staff)).first() or factories.agent(session, "quan")
        imports.start(session, admin, number)


def count(database: Database, table: type) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def customers(*lines: str) -> bytes:
    return "\n".join((HEAD, *lines)).encode()
