"""A wait that grows with each wrong password, counted by where the tries come from.

Nobody can keep the right person out: a browser in which they logged in before is counted by itself alone, and every
other place (an address; of IPv6 the network of a household) waits for its own wrong tries only.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm import clock
from crm.models.staff import LoginWait

LONGEST_WAIT_S = 300
FORGOTTEN_AFTER = timedelta(days=1)
OF_ONE = 3  # tries that cost no wait: of one person from one place,
OF_PLACE = 20  # of all persons from one place (a shop's staff share an address),
OF_CODES = 20  # and of one person's second step from everywhere: who gets so far knows the password


@dataclass(frozen=True)
class Origin:
    """Where a log-in comes from.

    Attributes:
        address: the IP address.
        device: what the browser says it is, its User-Agent.
        known: the number that a browser was given when this very person logged in with it; empty for all others.
    """

    address: str = ""
    device: str = ""
    known: str = ""


@dataclass(frozen=True)
class Counter:
    """One thing that is counted: its key, how many tries are free, and whether the right answer makes it forget."""

    key: str
    free: int
    forgives: bool = True


def for_password(username: str, origin: Origin) -> list[Counter]:
    """What a try with a password is counted by."""
    if origin.known:
        return [_counter(OF_ONE, "browser", username, origin.known)]
    place = _place(origin.address)
    return [_counter(OF_ONE, "person", username, place), _counter(OF_PLACE, "place", place, forgives=False)]


def for_code(staff_id: int, origin: Origin) -> list[Counter]:
    """What a try with the code of a second step is counted by."""
    if origin.known:
        return [_counter(OF_ONE, "code browser", str(staff_id), origin.known)]
    mine = _counter(OF_ONE, "code", str(staff_id), _place(origin.address))
    return [mine, _counter(OF_CODES, "codes", str(staff_id))]


def locked(session: Session, counters: list[Counter]) -> list[tuple[Counter, LoginWait]] | None:
    """The counters' rows, locked until the transaction ends; None while one of them still has to wait.

    A try while waiting is not judged and not counted, so that trying on and on does not make the wait longer.
    """
    counters = sorted(counters, key=lambda each: each.key)  # two tries take the locks in one order
    moment = clock.now()
    for counter in counters:
        row = _found(session, counter.key)
        if row is not None and row.next_at is not None and moment < row.next_at:
            return None
    rows = [(counter, _found(session, counter.key) or _made(session, counter.key)) for counter in counters]
    for _, row in rows:
        if row.last_at < moment - FORGOTTEN_AFTER:
            row.failures, row.next_at = 0, None
    return rows


def failed(rows: list[tuple[Counter, LoginWait]]) -> int:
    """Counts a wrong try; returns how many there were, of the counter that has seen most."""
    moment = clock.now()
    for counter, row in rows:
        row.failures, row.last_at = row.failures + 1, moment
        if row.failures >= counter.free:
            wait_s = min(LONGEST_WAIT_S, 2 ** min(row.failures - counter.free, 16))
            row.next_at = moment + timedelta(seconds=wait_s)
    return max(row.failures for _, row in rows)


def right(session: Session, rows: list[tuple[Counter, LoginWait]]) -> None:
    """Forgets the wrong tries before a right one, and whatever is older than a day."""
    for counter, row in rows:
        if counter.forgives or row.failures == 0:
            session.delete(row)
    session.flush()
    session.execute(delete(LoginWait).where(LoginWait.last_at < clock.now() - FORGOTTEN_AFTER))


def _found(session: Session, key: str) -> LoginWait | None:
    query = select(LoginWait).where(LoginWait.key == key).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


def _made(session: Session, key: str) -> LoginWait:
    try:
        with session.begin_nested():
            session.add(LoginWait(key=key, failures=0, last_at=clock.now()))
    except IntegrityError:
        pass  # another try made the row first; the locked read below waits for it
    made = _found(session, key)
    assert made is not None
    return made


def _counter(free: int, *parts: str, forgives: bool = True) -> Counter:
    # A hash: the words may be a password typed into the wrong field, and a key has one length.
    return Counter(hashlib.sha256("\0".join(parts).encode()).hexdigest(), free, forgives)


def _place(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)
