"""Erasing a person: one call, every store. What stays is a tombstone that says that, and when, and not who.

The rows go in one transaction, which also writes down what lies outside of the database (Rasa's memory, files, the
journal). That is deleted after it, by `finish`, as often as it takes: the scheduler goes on with what a crash left.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import CursorResult, Table, delete, select, update
from sqlalchemy.orm import Session

from crm import (
    audit,
    clock,
    complaints,
    customers,
    erasure_journal,
    import_files,
    personal_data_files,
    personal_data_outside,
    retention_review,
    staff_notices,
)
from crm.db import Database
from crm.errors import NotFound, TrianError
from crm.models.messaging import ActionReceipt, Inbound, InboundState, Outbox, OutboxState
from crm.models.people import Address, AuditEntry, ChannelAccount, Customer, Tier
from crm.models.privacy import Erasure
from crm.models.staff import Staff
from crm.personal_data_map import CUSTOMERS, Found, Place, chunks, numbers, places
from crm.personal_data_rules import BROADCAST, KEPT, OUTBOX, emptied
from crm.retention import TURN

log = structlog.get_logger()
ERASED = "erased"
ONE_TURN = timedelta(minutes=1)  # a turn that was under way has ended by then, and what it wrote is swept as well
_SUBJECTS = {
    "customer": CUSTOMERS,
    "conversation": "conversations",
    "complaint": "complaints",
    "escalation": "escalations",
    "privacy_request": "privacy_requests",
}


class LegalHold(TrianError):
    """A complaint is open: what it is about cannot be erased before it has its answer."""


@dataclass(frozen=True)
class Erased:
    """How many rows went, and were emptied. `learnt`: sentences that the model in use knows until the next training."""

    deleted: int
    emptied: int
    learnt: int


@dataclass(frozen=True)
class Reapplied:
    """How many people the journals' lines erased again; `unreadable`: how many lines of which journal are torn.

    `doubtful`: customers with whom somebody was merged in the backup who was parted from them later, and erased.
    """

    erased: int
    doubtful: Collection[int]
    unreadable: Mapping[Path, int]


def erase(store: Database, customer_id: int, staff: Staff | None = None) -> Erasure:
    """Erases everything of the customer everywhere. Raises NotFound, LegalHold."""
    with store.begin() as session:
        erasure = erase_rows(session, customer_id, staff)
    finish(store, erasure.id)
    return erasure


def erase_rows(session: Session, customer_id: int, staff: Staff | None, *, hold: bool = True) -> Erasure:
    """The database's part, in this transaction; `finish` does the rest after its commit.

    Args:
        hold: refuse while a complaint is open. False only where it was erased before (a restored backup).

    Raises:
        NotFound: no such customer, or nothing is left of them.
        LegalHold: a complaint is open.
    """
    session.flush()
    customer = _lock(session, customer_id)
    if hold and complaints.has_open(session, customer_id):
        raise LegalHold(f"customer {customer_id} has an open complaint")
    personal_data_outside.overwrite(session)
    found = numbers(session, customer_id)
    erasure = _tombstone(session, customer, found, staff)
    learnt = retention_review.forget_customer(session, customer_id)
    session.flush()
    _forget_updates(session, found)
    import_files.forget_all(session)  # rows that were refused may be anybody's
    told = staff_notices.forget(session, found[CUSTOMERS])
    went, kept = _forget_rows(session, found)
    _forget_audit(session, found)
    _empty_shells(session, found)
    session.expire_all()
    erasure.counts = vars(Erased(went + told, kept, learnt.examples))
    audit.record(session, staff, "customer_erase", "customer", customer_id, deleted=went + told, emptied=kept)
    session.flush()
    return erasure


def finish(store: Database, erasure_id: int, moment: datetime | None = None) -> bool:
    """Deletes what lies outside of the database; whether it is all done. May be repeated, and raises nothing."""
    with store.read() as session:
        erasure = session.get(Erasure, erasure_id)
    if erasure is None:
        return True
    try:
        erasure_journal.append(erasure)
        personal_data_outside.forget_files(erasure)
        personal_data_outside.forget_tracker(erasure)
        personal_data_outside.forget_words(store)
        personal_data_outside.compact(store)
    except Exception:  # each of the stores may be away; the scheduler tries again
        log.exception("an erasure is not finished yet", erasure=erasure_id)
        return False
    moment = moment or clock.now()
    over = moment >= erasure.at + ONE_TURN
    with store.begin() as session:
        done = update(Erasure).where(Erasure.id == erasure_id)
        session.execute(done.values(finished_at=moment if over else None, files=[]))
    return over


def unfinished(session: Session) -> list[int]:
    """The erasures of which something outside of the database may be left."""
    return list(session.scalars(select(Erasure.id).where(Erasure.finished_at.is_(None)).order_by(Erasure.at)))


def complete_journal(session: Session) -> None:
    """Writes the erasures that the journal lacks (another machine did them, or its disk was full). Raises OSError."""
    for erasure in session.scalars(select(Erasure).order_by(Erasure.at)):
        erasure_journal.append(erasure)


def reapply(session: Session, journals: Sequence[Path]) -> Reapplied:
    """Erases again whom a restored backup brought back. The scheduler finishes it."""
    read = [erasure_journal.read(path) for path in journals]
    unreadable = {path: broken for path, (_, broken) in zip(journals, read, strict=True) if broken}
    erased, doubtful = 0, set[int]()
    for line in sorted((line for lines, _ in read for line in lines), key=lambda line: line.at):
        found, others = _brought_back(session, line)
        doubtful |= others
        for customer_id in found:
            erase_rows(session, customer_id, None, hold=False)
            erased += 1
    return Reapplied(erased, doubtful, unreadable)


def _brought_back(session: Session, line: erasure_journal.Line) -> tuple[set[int], set[int]]:
    """Whom the line means, and whoever has their chats in a merge that was taken back before they were erased."""
    stored = [(session.get(Customer, number), since) for number, since in erasure_journal.records(line)]
    known = [customer for customer, since in stored if customer is not None and customer.created_at == since]
    found = {customer.id for customer in known if customer.gone_at is None}
    merged = {customers.current(session, each.id).id for each in known if each.merged_into_id is not None}
    accounts = select(ChannelAccount).where(ChannelAccount.created_at <= line.at, ChannelAccount.channel != ERASED)
    for account in session.scalars(accounts.execution_options(yield_per=1000)) if line.keys else ():
        if erasure_journal.key(account.channel, account.bot_id, account.chat_id) in line.keys:
            found |= {account.customer_id} - merged
    return found, merged - found


def _lock(session: Session, customer_id: int) -> Customer:
    customer = customers.get(session, customer_id)
    session.refresh(customer, with_for_update=True)
    if customer.gone_at is not None:
        raise NotFound(f"customer {customer_id} is gone")
    return customer


def _tombstone(session: Session, customer: Customer, found: Found, staff: Staff | None) -> Erasure:
    accounts = session.scalars(select(ChannelAccount).where(ChannelAccount.id.in_(found["channel_accounts"])))
    keys = [erasure_journal.key(a.channel, a.bot_id, a.chat_id) for a in accounts if a.channel != ERASED]
    for shell in customers.shells_of(session, customer.id):
        keys.append(erasure_journal.record_key(shell.id, shell.created_at))
    erasure = Erasure(
        customer_number=customer.id,
        known_since=customer.created_at,
        keys=sorted(keys),
        accounts=sorted(found["channel_accounts"]),
        files=personal_data_files.of(session, found),
        counts={},
        at=clock.now(),
        staff_id=staff.id if staff else None,
    )
    session.add(erasure)
    session.flush()
    return erasure


def _forget_updates(session: Session, found: Found) -> None:
    """What Telegram told of them. The rows stay, empty: an update that comes again is still known as handled."""
    for account in session.scalars(select(ChannelAccount).where(ChannelAccount.id.in_(found["channel_accounts"]))):
        theirs = (Inbound.bot_id == account.bot_id, Inbound.state.in_(InboundState), Inbound.chat_id == account.chat_id)
        ids = list(session.scalars(select(Inbound.id).where(*theirs)))
        for some in chunks(ids):
            session.execute(delete(ActionReceipt).where(ActionReceipt.turn_id.in_(f"{TURN}{each}" for each in some)))
            mine = update(Inbound).where(Inbound.id.in_(some)).execution_options(synchronize_session=False)
            session.execute(mine.where(Inbound.state == InboundState.PENDING).values(state=InboundState.DONE))
            session.execute(mine.values(payload={}, chat_id=0, error=None))


def _forget_rows(session: Session, found: Found) -> tuple[int, int]:
    """Those that refer to others go first. Kept ones first lose what would refer to a row that goes."""
    went = kept = 0
    for place in places():
        if place.table.name in KEPT:
            kept += _empty(session, place, found)
        elif place.table.name == OUTBOX:
            kept += _empty_broadcasts(session, found)
    for place in reversed(places()):
        if place.table.name not in KEPT:
            went += _delete(session, place, found)
    return went, kept


def _empty(session: Session, place: Place, found: Found) -> int:
    table, count = place.table, 0
    cut = [link for link in place.links if link.column.nullable and link.parent not in (*KEPT, OUTBOX)]
    if table.name == "campaign_recipients":  # the snapshot stands, and says no more who was in it
        cut = [link for link in place.links if link.parent == CUSTOMERS]
    changed = emptied(table)
    for link in sorted(place.links, key=lambda each: each in cut):
        also = {link.column.name: None} if link in cut else {}
        for some in chunks(found[link.parent]):
            if changed or also:
                count += _rows(session.execute(update(table).where(link.column.in_(some)).values(changed | also)))
    return count


def _empty_broadcasts(session: Session, found: Found) -> int:
    count = 0
    moving = {OutboxState.QUEUED: OutboxState.SKIPPED, OutboxState.SENDING: OutboxState.UNKNOWN}
    for some in chunks(found["channel_accounts"]):
        theirs = update(Outbox).where(Outbox.account_id.in_(some), Outbox.campaign_id.is_not(None))
        theirs = theirs.execution_options(synchronize_session=False)
        for state, to in moving.items():
            session.execute(theirs.where(Outbox.state == state).values(state=to, reason=ERASED))
        count += _rows(session.execute(theirs.values(body={}, dedupe_key=None)))
    return count


def _delete(session: Session, place: Place, found: Found) -> int:
    table, count = place.table, 0
    for link in place.links:
        for some in chunks(found[link.parent]):
            doomed = delete(table).where(link.column.in_(some))
            if table.name == OUTBOX:
                doomed = doomed.where(table.c[BROADCAST].is_(None))
            count += _rows(session.execute(doomed))
    return count


def _forget_audit(session: Session, found: Found) -> None:
    """The audit log keeps who did what and when; what it tells beside that may be the person's words."""
    for subject, table in _SUBJECTS.items():
        for some in chunks(found.get(table, ())):
            told = update(AuditEntry).where(AuditEntry.subject == subject, AuditEntry.subject_id.in_(some))
            session.execute(told.values(detail={ERASED: True}).execution_options(synchronize_session=False))


def _empty_shells(session: Session, found: Found) -> None:
    for account_id in found["channel_accounts"]:
        nobody = {"channel": ERASED, "bot_id": 0, "chat_id": -account_id, "reachable": False}
        shell = update(ChannelAccount).where(ChannelAccount.id == account_id)
        session.execute(shell.values(unreachable_reason=ERASED, **nobody).execution_options(synchronize_session=False))
    table: Table = Customer.__table__  # type: ignore[assignment]
    blank = emptied(table) | {"address": Address.UNKNOWN, "tier": Tier.NONE, "gone_at": clock.now()}
    gone = update(table).where(table.c.id.in_(found[CUSTOMERS]))
    session.execute(gone.values(blank | {"version": table.c.version + 1}))


def _rows(result: Any) -> int:
    counted: CursorResult[Any] = result
    return counted.rowcount
