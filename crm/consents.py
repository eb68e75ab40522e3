"""The consent ledger: append-only, the newest row a purpose holds."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Consent, Purpose

WORDING_VERSION = "2026-11"
WITHDRAWN = "consent_withdrawn"


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
    """Adds one line to the ledger. A withdrawal also takes back what is queued for that purpose, at once."""
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
    return consent


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
