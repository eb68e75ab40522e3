"""What planning a broadcast costs: `python -m bench.messaging_planning URL` does it in a process of its own.

It writes, lets approve, schedules and starts one broadcast to everybody in a database that `messaging_people` filled,
then queues some of its messages as the scheduler does. Prints JSON.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.messaging_people import staff
from crm import audiences, campaigns, clock
from crm.db import Database
from crm.models.campaigns import Campaign
from crm.settings import settings

TEXT = "Dạ shop mời {address} {name} ghé xem nồi cơm mới về, hạng {tier|khách quen} được giảm 10 % ạ."
FED = 2000
LOOK_S = 0.02
T = TypeVar("T")


def plan(url: str) -> dict[str, Any]:
    """Figures of one broadcast to all customers of the database."""
    database = Database(url)
    with database.begin() as session:
        author, other = staff(session)
        broadcast = campaigns.create(session, author, "bench", TEXT, audiences.EVERYBODY)
        server_pid = _server_pid(session)
    before = {"python": _status_mb("self", "VmHWM"), "database": _status_mb(server_pid, "RssAnon")}
    with _Peak(server_pid) as peak:
        _, approving_s = _timed(database, lambda session: campaigns.approve(session, _get(session, broadcast), other))
        _, scheduling_s = _timed(database, lambda session: campaigns.schedule(session, _get(session, broadcast), other))
        # With a canary of 0 the limit is what is queued besides: as good as nothing.
        _, freezing_s = _timed(database, lambda session: campaigns.start_due(session, clock.now(), limit=1))
    done, counting_s = _timed(database, lambda session: campaigns.progress(session, _get(session, broadcast)))
    after = {"python": _status_mb("self", "VmHWM"), "database": peak.mb}
    return {
        "recipients": done.total,
        "left_out": done.left_out,
        "approving_s": round(approving_s, 2),
        "scheduling_s": round(scheduling_s, 2),
        "freezing_s": round(freezing_s, 2),
        "counting_progress_s": round(counting_s, 2),
        "memory_before_mb": before,
        "memory_peak_mb": after,
        "queued_a_second": round(_feed(database), 1),
    }


def _feed(database: Database) -> float:
    """Messages that the scheduler's steps, each a transaction, queue a second."""
    fed, began = 0, time.monotonic()
    while fed < FED:
        step, _ = _timed(database, lambda session: campaigns.start_due(session, clock.now()))
        if not step:
            break
        fed += step
    return fed / (time.monotonic() - began)


def _timed(database: Database, work: Callable[[Session], T]) -> tuple[T, float]:
    """What `work` gives, and the seconds of its transaction with its commit."""
    began = time.monotonic()
    with database.begin() as session:
        result = work(session)
    return result, time.monotonic() - began


def _get(session: Session, broadcast: Campaign) -> Campaign:
    return campaigns.get(session, broadcast.id)


def _server_pid(session: Session) -> int:
    """The process of the server that works for this connection, which the pool keeps."""
    return int(session.scalars(select(func.pg_backend_pid())).one())


def _status_mb(pid: int | str, field: str) -> float:
    """A line of /proc/<pid>/status, in megabytes (10^6 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024 / 1e6, 1)


class _Peak(threading.Thread):
    """The most memory of its own that a process held meanwhile, looked at every LOOK_S seconds."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.mb = 0.0
        self._pid = pid
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(LOOK_S):
            self.mb = max(self.mb, _status_mb(self._pid, "RssAnon"))

    def __enter__(self) -> "_Peak":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def main() -> None:
    """Measures and prints."""
    settings()  # of the environment, read once
    print(json.dumps(plan(sys.argv[1])))


if __name__ == "__main__":
    main()
