"""The consent ledger: append-only, the newest row a purpose holds.

A withdrawal is also written to a journal outside of the database, before it is confirmed: a backup that is restored
knows nothing of what was withdrawn after it, and `reapply` brings that back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, consent_journal, customers
from crm.consent_journal import Withdrawal
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Consent, Customer, Purpose
from crm.settings import settings

log = structlog.get_logger()
WORDING_VERSION = "2026-11"
WITHDRAWN = "consent_withdrawn"
REAPPLIED = "re-applied from the journal of withdrawals after a restore"
CLOCKS_DIFFER = timedelta(minutes=10)  # by as much may the clocks of two machines be apart


@dataclass(frozen=True)
class Reapplied:
    """What became of the journals' lines: written to the ledger; there already or overtaken; of unknown people.

    `unreadable`: how many lines of which journal could not be read.
    """

    applied: int
    known: int
    strangers: int
    unreadable: Mapping[Path, int]


def granted(session: Session, customer_id: int, purpose: Purpose) -> bool:
    """Whether the customer may be written to for `purpose`. SERVICE rests on the contract and needs no consent."""
    if purpose is Purpose.SERVICE:
        return True
    newest = latest(session, customer_id, purpose)
    return newest is not None and newest.granted


def latest(session: Session, customer_id: int, purpose: Purpose) -> Consent | None:
    """The line of the ledger that holds for `purpose`: the newest one, or None where nothing was ever said."""
    mine = select(Consent).where(Consent.customer_id == customer_id, Consent.purpose == purpose)
    return session.scalar(mine.order_by(Consent.id.desc()).limit(1))


def record(
    session: Session, customer_id: int, purpose: Purpose, *, granted: bool, channel: str, evidence: str = ""
) -> Consent:
    """Adds one line to the ledger. A withdrawal also takes back what is queued for that purpose, at once.

    It is on the disk, in the journal, when this returns; a transaction that then fails leaves it there, which errs on
    the customer's side. A journal that cannot be written stops nobody's stop: `complete_journal` makes up for it.
    """
    consent = Consent(
        customer_id=customer_id,
        purpose=purpose,
        granted=granted,
        wording_version=WORDING_VERSION,
        channel=channel,
        evidence=evidence,
        at=clock.now(),
    )
    session.add(consent)
    if not granted:
        _take_back(session, customer_id, purpose)
        _write_down(session, consent)
    return consent


def complete_journal(session: Session) -> int:
    """Writes the ledger's withdrawals that the journal lacks (another machine's, or its disk was full); how many.

    Raises OSError.
    """
    withdrawn = session.scalars(select(Consent).where(Consent.granted.is_(False)).order_by(Consent.id))
    merged = set(session.scalars(select(Customer.merged_into_id).where(Customer.merged_into_id.is_not(None))))
    lines = (line for consent in withdrawn for line in _lines(session, consent, merged))
    lacking = list(consent_journal.missing(settings().journal, lines))
    consent_journal.append(settings().journal, lacking)
    return len(lacking)


def reapply(session: Session, journals: Sequence[Path]) -> Reapplied:
    """Brings withdrawals of the journals that the ledger lacks back into it, oldest first."""
    read = [consent_journal.read(path) for path in journals]
    lines = sorted((line for lines, _ in read for line in lines), key=lambda line: line.at)
    done = [_reapply(session, line) for line in lines]
    unreadable = {path: broken for path, (_, broken) in zip(journals, read, strict=True) if broken}
    return Reapplied(done.count(True), done.count(False), done.count(None), unreadable)


def _reapply(session: Session, line: Withdrawal) -> bool | None:
    """Whether the ledger lacked it; None: it is of somebody the database does not know, who agreed to nothing in it."""
    customer = session.get(Customer, line.customer_id)
    if customer is None or customer.created_at != line.since:
        return None
    customer = customers.current(session, customer.id)
    mine = select(Consent).where(Consent.customer_id == customer.id, Consent.purpose == line.purpose)
    same = session.scalar(mine.where(Consent.granted.is_(False), Consent.at == line.at).limit(1))
    newest = latest(session, customer.id, line.purpose)
    # An older line that the ledger lacks was never committed; what the customer said afterwards counts.
    if same is not None or (newest is not None and newest.at > line.at + CLOCKS_DIFFER):
        return False
    session.add(
        Consent(
            customer_id=customer.id,
            purpose=line.purpose,
            granted=False,
            wording_version=line.wording,
            channel=line.channel,
            evidence=REAPPLIED,
            at=line.at,
        )
    )
    _take_back(session, customer.id, line.purpose)
    session.flush()
    return True


def _write_down(session: Session, consent: Consent) -> None:
    try:
        consent_journal.append(settings().journal, _lines(session, consent))
    except OSError as error:
        log.error("withdrawal not in the journal; it holds, but not over a restore", error=str(error.strerror))


def _lines(session: Session, consent: Consent, merged: Collection[int | None] | None = None) -> list[Withdrawal]:
    """One for every record that the customer once was: a backup of before a merge knows them apart.

    `merged`: the records into which others were merged, where the caller has looked.
    """
    people = [session.get_one(Customer, consent.customer_id)]
    if merged is None or consent.customer_id in merged:
        people += customers.shells_of(session, consent.customer_id)
    return [Withdrawal.of(consent, customer) for customer in people]


def _take_back(session: Session, customer_id: int, purpose: Purpose) -> None:
    accounts = select(ChannelAccount.id).where(ChannelAccount.customer_id == customer_id)
    queued = select(Outbox).where(
        Outbox.account_id.in_(accounts),
        Outbox.purpose == purpose,
        Outbox.state == OutboxState.QUEUED,
        Outbox.kind != OutboxKind.REPLY,
    )
    for row in session.scalars(queued.with_for_update()):
        row.state, row.reason = OutboxState.SKIPPED, WITHDRAWN
