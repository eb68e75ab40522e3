"""Those who try to get in, or to do what they may not (FAULTS.md 35)."""

import csv
import io
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import patch

import httpx
from pydantic import SecretStr
from sqlalchemy import func, select

from console import access, tickets
from console.api.app import routes as api_routes
from crm import attachments, audit, cells, clock, customers, staff
from crm.customers import Caller
from crm.models.conversations import Author, Direction, Message
from crm.models.people import AuditEntry
from crm.models.staff import Role, Staff
from crm.settings import Settings
from tests.faults.case import Tally, case
from tests.faults.world import BOT_ID, SECRET, World

PASSWORD = "một câu của bài thử"
HTML = {"accept": "text/html"}
SCRIPT = "<script>alert(1)</script>"
TOGETHER = 8
# The proxy on this machine may say who calls.
STRANGER, OFFICE = {"x-forwarded-for": "198.51.100.66"}, {"x-forwarded-for": "203.0.113.5"}


@case(35, "passwords, forms, roles, names, files, cells", tries=1000, short=0)
def strangers(world: World, tries: int, dice: random.Random) -> Tally:
    """Refused, escaped, audited; and nobody who may get in is kept out."""
    tally = Tally()
    people = _people(world)
    world.start("console")
    url = f"http://127.0.0.1:{world.console_port}"
    _passwords(world, url, tries, tally)
    _forged_forms(url, tally)
    _fixation(url, tally)
    talk = _conversation(world)
    whole = tries >= 1000
    for username in people if whole else dice.sample(people, 2):
        _rounds(url, username, Role(username), talk, tally)
    _nobody(url, tally)
    _names(url, talk, tally)
    _files(world, url, talk, tally)
    _cells(world, url, tally)
    return tally


def _people(world: World) -> list[str]:
    """One person of each role, called as the role."""
    with world.database.begin() as session:
        for role in Role:
            staff.add(session, role.value, f"{SCRIPT} {role.value}", role, PASSWORD)
    return [role.value for role in Role]


@contextmanager
def _log_in(url: str, username: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={**HTML, **OFFICE}, timeout=60) as client:
        status = client.post("/login", data={"username": username, "password": PASSWORD}).status_code
        if status != 303:
            raise AssertionError(f"{username} was not let in: {status}")
        yield client


def _passwords(world: World, url: str, tries: int, tally: Tally) -> None:
    """Wrong ones from one place, many at once; meanwhile the right person comes in from elsewhere."""

    def one(number: int) -> int:
        form = {"username": "agent", "password": f"sai-mat-khau-{number}"}
        return httpx.post(f"{url}/login", data=form, headers=STRANGER, timeout=60).status_code

    with ThreadPoolExecutor(TOGETHER) as pool:
        statuses = list(pool.map(one, range(tries)))
        tally.tries += tries
    tally.equal(set(statuses), {401}, "answers to wrong passwords")
    with world.database.read() as session:
        failed = select(func.count()).where(AuditEntry.action == "log_in_failed")
        judged = session.scalar(failed) or 0
    tally.expect(3 <= judged <= 30, f"{judged} of {tries} wrong passwords were judged, and written down")
    with _log_in(url, "agent") as client:
        tally.equal(client.get("/account").status_code, 200, "the right person, from elsewhere")
    right = {"username": "nobody-at-all", "password": PASSWORD}
    tally.equal(httpx.post(f"{url}/login", data=right, headers=OFFICE, timeout=60).status_code, 401, "an unknown name")


def _forged_forms(url: str, tally: Tally) -> None:
    """A page of another site sends a form with the person's own cookie."""
    with _log_in(url, "admin") as client:
        for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
            for path in ("/logout", "/language", "/login", "/first", "/password"):
                answer = client.post(path, headers=headers, data={"to": "en"})
                tally.equal(answer.status_code, 403, f"{path} of another site {headers}")
                tally.tries += 1
        tally.equal(client.get("/account").status_code, 200, "still logged in")


def _fixation(url: str, tally: Tally) -> None:
    """The attacker's own cookie, planted before the victim logs in, shows nothing of the victim after."""
    with _log_in(url, "marketing") as attacker, httpx.Client(base_url=url, headers=HTML, timeout=60) as victim:
        planted = attacker.cookies["trian"]
        victim.cookies.set("trian", planted)
        victim.post("/login", data={"username": "owner", "password": PASSWORD}, headers=OFFICE)
        status = httpx.get(f"{url}/staff", headers={**HTML, "cookie": f"trian={planted}"}, timeout=60).status_code
        tally.equal(status, 403, "what the planted cookie is worth after the victim's log-in")
        victim.post("/logout")
        tally.tries += 1


def _conversation(world: World) -> Message:
    """A customer with a script for a name has written."""
    with world.database.begin() as session:
        talk = customers.meet(session, Caller(BOT_ID, 700_001, SCRIPT))
        customers.rename(talk.customer, SCRIPT)
        message = Message(
            conversation_id=talk.id,
            direction=Direction.IN,
            author=Author.CUSTOMER,
            text=SCRIPT,
            attachments=[],
            at=clock.now(),
        )
        session.add(message)
        session.flush()
        return message


def _rounds(url: str, username: str, role: Role, talk: Message, tally: Tally) -> None:
    """Every page, file and endpoint as one role; the conversation that is there, by its number."""
    with _log_in(url, username) as client:
        for pattern, roles in {**access.PAGES, **access.FILES}.items():
            status = client.get(_path(pattern)).status_code
            refused = status == 403
            # Files also ask for a ticket: to those who may have them they can be refused too.
            tally.expect(refused if role not in roles else status < 500, f"{role} {pattern}: {status}")
            tally.expect(role not in roles or not refused or pattern in access.FILES, f"{role} {pattern}: kept out")
            tally.tries += 1
        status = client.get(f"/conversations/{talk.conversation_id}").status_code
        allowed = role in access.PAGES["/conversations/{conversation_id:int}"]
        tally.equal(status, 200 if allowed else 403, f"{role}: a conversation by its number")
        for method, path, _scope in api_routes():
            status = client.request(method, f"/api{_path(path)}").status_code
            tally.equal(status, 401, f"{role} {method} {path} by cookie")
            tally.tries += 1


def _nobody(url: str, tally: Tally) -> None:
    with httpx.Client(base_url=url, headers=HTML, timeout=60) as client:
        for pattern in (*access.PAGES, *access.FILES):
            answer = client.get(_path(pattern))
            gone = answer.status_code == 303 and answer.headers["location"].startswith("/login")
            tally.expect(gone, f"nobody {pattern}: {answer.status_code}")
            tally.tries += 1
        for method, path, _scope in api_routes():
            tally.equal(client.request(method, f"/api{_path(path)}").status_code, 401, f"nobody {method} {path}")


def _names(url: str, talk: Message, tally: Tally) -> None:
    """A script as a name is text on every page that shows it."""
    with _log_in(url, "owner") as client:
        for path in ("/", "/customers", "/customers/1", f"/conversations/{talk.conversation_id}", "/staff", "/audit"):
            answer = client.get(path)
            tally.equal(answer.status_code, 200, path)
            tally.expect("alert(1)" in answer.text or path in ("/", "/customers"), f"{path} shows no name at all")
            tally.expect(SCRIPT not in answer.text, f"{path}: a script as a name stands in the page as it is")
            tally.tries += 1


def _files(world: World, url: str, talk: Message, tally: Tally) -> None:
    """An SVG, a page, a picture that is a page, a bomb: never shown, only to save, and nothing of them is unpacked."""
    files = {
        "anh.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "trang.html": SCRIPT.encode(),
        "anh.png": b"<!doctype html>" + SCRIPT.encode(),
        "qua.zip": _zip_bomb(),
        "to.png": _large_picture(),
    }
    stored = [attachments.keep(world.var, content, name) for name, content in files.items()]
    with world.database.begin() as session:
        session.get_one(Message, talk.id).attachments = [each.item for each in stored]
    with _log_in(url, "agent") as agent, _log_in(url, "marketing") as marketing:
        for number, each in enumerate(stored):
            tally.equal(each.kind, attachments.DOCUMENT, f"{each.name} counts as")
            tally.equal(agent.get(f"/attachments/{each.path}").status_code, 404, f"{each.name} shown")
            answer = agent.get(f"/downloads/{talk.id}/{number}")
            tally.equal(answer.status_code, 200, f"{each.name} to save")
            tally.equal(answer.headers.get("content-type"), "application/octet-stream", each.name)
            tally.expect(answer.headers.get("content-disposition", "").startswith("attachment"), f"{each.name} opens")
            tally.equal(answer.headers.get("x-content-type-options"), "nosniff", each.name)
            tally.equal(marketing.get(f"/downloads/{talk.id}/{number}").status_code, 403, f"{each.name} for marketing")
            tally.tries += 1


def _zip_bomb() -> bytes:
    """Forty million zeros in forty kilobytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", bytes(40_000_000))
    return made.getvalue()


def _large_picture() -> bytes:
    """A PNG that says it is 50,000 pixels wide and high: unpacked it would be gigabytes."""
    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _cells(world: World, url: str, tally: Tally) -> None:
    """The audit log as a table: no cell is a formula, and only a fresh ticket of the person's own opens it."""
    with world.database.begin() as session:
        evil = session.scalars(select(Staff).where(Staff.username == "lead")).one()
        evil.name = "=cmd|'/c calc'!A0"
        owner = session.scalars(select(Staff).where(Staff.username == "owner")).one()
        for value in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1"):
            audit.record(session, evil, "claim", "escalation", 1, note=value)
    with patch.object(tickets, "settings", lambda: Settings(shared_secret=SecretStr(SECRET))):
        ticket, others = tickets.give("audit log", owner.id), tickets.give("audit log", evil.id)
    with _log_in(url, "owner") as client:
        for bad in ("", others, f"{ticket}0", "9999999999.00"):
            tally.equal(client.get("/audit.csv", params={"ticket": bad}).status_code, 403, f"a ticket {bad[:12]!r}")
        answer = client.get("/audit.csv", params={"ticket": ticket, "action": "claim"})
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix(cells.BYTE_ORDER_MARK))))
    tally.equal(len(rows), 6, "lines of the table")
    for cell in (cell for row in rows for cell in row):
        tally.expect(not cell.lstrip().startswith(("=", "+", "-", "@")), f"a formula: {cell!r}")
        tally.tries += 1


def _path(pattern: str) -> str:
    return re.sub(r"\{.*?\}", "999999", pattern)
