"""Withdrawals of consent in a file of their own, so that they outlive the database: a restored backup is older.

One JSON object a line, appended and on the disk (fsync) before anybody is told that their stop is obeyed. It names
people by number and by the moment they became known, and holds nothing they wrote: nothing in it is to be erased.
`crm.consents` is its only reader and writer.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crm.durable import sync_folder
from crm.models.people import Consent, Customer, Purpose


@dataclass(frozen=True)
class Withdrawal:
    """One stop. `since` is when the customer became known: after a restore a number may belong to somebody else."""

    customer_id: int
    since: datetime
    purpose: Purpose
    channel: str
    wording: str
    at: datetime

    @classmethod
    def of(cls, consent: Consent, customer: Customer) -> "Withdrawal":
        """The withdrawal that a line of the ledger is."""
        return cls(
            customer.id, customer.created_at, consent.purpose, consent.channel, consent.wording_version, consent.at
        )


def append(path: Path, withdrawals: Iterable[Withdrawal]) -> None:
    """Adds lines and returns once they are on the disk. Raises OSError.

    Several processes may append at once. A line that a power cut tore is closed first, so that it spoils no other.
    """
    lines = "".join(_line(each) + "\n" for each in withdrawals).encode()
    if not lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        _write(descriptor, b"\n" + lines if torn else lines)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        sync_folder(path.parent)


def read(path: Path) -> tuple[list[Withdrawal], int]:
    """Every withdrawal, in the order of their moments, and how many lines could not be read. No file: none."""
    if not path.exists():
        return [], 0
    found, unreadable = [], 0
    for line in path.read_bytes().splitlines():
        try:
            found.append(_parsed(line))
        except (ValueError, KeyError, TypeError):
            unreadable += 1
    return sorted(found, key=lambda each: each.at), unreadable


def missing(path: Path, withdrawals: Iterable[Withdrawal]) -> Iterator[Withdrawal]:
    """Those of `withdrawals` that the file does not hold."""
    held = {(each.customer_id, each.purpose, each.at) for each in read(path)[0]}
    return (each for each in withdrawals if (each.customer_id, each.purpose, each.at) not in held)


def _line(each: Withdrawal) -> str:
    facts = {
        "at": each.at.isoformat(),
        "customer": each.customer_id,
        "since": each.since.isoformat(),
        "purpose": each.purpose.value,
        "channel": each.channel,
        "wording": each.wording,
    }
    return json.dumps(facts, ensure_ascii=False)


def _parsed(line: bytes) -> Withdrawal:
    facts = json.loads(line)
    return Withdrawal(
        customer_id=int(facts["customer"]),
        since=datetime.fromisoformat(facts["since"]),
        purpose=Purpose(facts["purpose"]),
        channel=str(facts["channel"]),
        wording=str(facts["wording"]),
        at=datetime.fromisoformat(facts["at"]),
    )


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
