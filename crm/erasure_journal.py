"""Erasures in a file of their own beside the journal of withdrawals, so that a restored backup forgets them again.

One JSON object a line, on the disk (fsync) before an erasure counts as finished. It holds no name and no chat: only a
number, the moment it became known, and keyed hashes.
"""

import fcntl
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crm.models.privacy import Erasure
from crm.settings import settings

NAME = "erasures.journal"
RECORD = "record:"


@dataclass(frozen=True)
class Line:
    """One erasure. `since`: when the customer became known; a number alone may be somebody else's after a restore.

    `keys`: of the person's chats, and of the records that were merged into theirs.
    """

    number: int
    since: datetime
    keys: tuple[str, ...]
    at: datetime


def record_key(number: int, since: datetime) -> str:
    """What one of the person's other records is known by: a backup of before the merge has it on its own."""
    return f"{RECORD}{number}@{since.isoformat()}"


def records(line: Line) -> list[tuple[int, datetime]]:
    """The numbers of the person's records, and since when each was known."""
    others = [each.removeprefix(RECORD).split("@") for each in line.keys if each.startswith(RECORD)]
    return [(line.number, line.since), *((int(number), datetime.fromisoformat(since)) for number, since in others)]


def place() -> Path:
    """The file, beside the journal of withdrawals."""
    return settings().journal.with_name(NAME)


def key(channel: str, bot_id: int, chat_id: int) -> str:
    """What a chat is known by once it is forgotten: without the installation's secret nobody can tell whose it is."""
    secret = settings().derived_secret("erased chats").encode()
    return hmac.new(secret, f"{channel}:{bot_id}:{chat_id}".encode(), hashlib.sha256).hexdigest()


def append(erasure: Erasure) -> None:
    """Adds the line unless it is there; returns once it is on the disk. Raises OSError."""
    line = Line(erasure.customer_number, erasure.known_since, tuple(erasure.keys), erasure.at)
    path = place()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        held, _ = _parsed(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
        if not any((each.number, each.at) == (line.number, line.at) for each in held):
            os.write(descriptor, b"\n" + _written(line).encode() + b"\n")  # a torn line before it is closed first
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> tuple[list[Line], int]:
    """Every erasure, oldest first, and how many lines could not be read. No file: none."""
    if not path.exists():
        return [], 0
    found, unreadable = _parsed(path.read_bytes())
    return sorted(found, key=lambda line: line.at), unreadable


def _written(line: Line) -> str:
    facts = {
        "at": line.at.isoformat(),
        "customer": line.number,
        "since": line.since.isoformat(),
        "keys": list(line.keys),
    }
    return json.dumps(facts)


def _parsed(content: bytes) -> tuple[list[Line], int]:
    found, unreadable = [], 0
    for raw in filter(None, content.splitlines()):  # `append` leaves empty ones
        try:
            facts = json.loads(raw)
            moments = [datetime.fromisoformat(facts[name]) for name in ("since", "at")]
            found.append(Line(int(facts["customer"]), moments[0], tuple(map(str, facts["keys"])), moments[1]))
        except (ValueError, KeyError, TypeError):
            unreadable += 1
    return found, unreadable
