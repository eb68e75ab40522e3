"""Who may be written to, and when. Asked at the moment of sending, never at planning.

Sources: Decree 91/2020 (advertising messages: consent, 07:00–22:00, at most three in 24 hours, a way to refuse) and the
Personal Data Protection Law 91/2025 with Decree 356/2025 (consent for the purpose, withdrawal at any time).
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import clock, complaints, consents
from crm.models.care import Complaint
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Consent, Purpose
from crm.settings import Settings

LEGAL_MARKETING_IN_24_H = 3
_COUNTED = (OutboxState.SENT, OutboxState.SENDING, OutboxState.UNKNOWN)


class Refusal(StrEnum):
    """Why somebody is not written to; stored on the row and shown to marketing."""

    UNREACHABLE = "unreachable"
    NO_CONSENT = "no_consent"
    OPEN_COMPLAINT = "open_complaint"
    NO_ACCOUNT = "no_account"


@dataclass(frozen=True)
class Verdict:
    """Send now (both None), never (`refusal`), or not before `wait_until` (aware UTC)."""

    refusal: Refusal | None = None
    wait_until: datetime | None = None

    @property
    def allowed(self) -> bool:
        return self.refusal is None and self.wait_until is None


ALLOWED = Verdict()


def decide_all(session: Session, rows: Sequence[Outbox], moment: datetime, settings: Settings) -> list[Verdict]:
    """Whether each of `rows` may go out at `moment`, in a few queries for all of them.

    An advertisement counts for those behind it in `rows`: a person may have several chats, and is still one person.
    """
    facts = _facts(session, [row for row in rows if row.kind is not OutboxKind.REPLY], moment, settings)
    verdicts = []
    for row in rows:
        verdicts.append(_decide(row, facts, moment, settings))
        over = row.expires_at is not None and row.expires_at <= moment
        if verdicts[-1].allowed and row.kind is OutboxKind.MARKETING and not over:
            facts.sent_today[row.account.customer_id] += 1
            facts.sent_in_24_h[row.account.customer_id] += 1
    return verdicts


@dataclass(frozen=True)
class _Facts:
    """What the rows of a batch are judged by: numbers of customers, and counts by number of customer."""

    granted: set[tuple[int, Purpose]]
    complaining: set[int]
    sent_today: Counter[int]
    sent_in_24_h: Counter[int]


def _facts(session: Session, rows: Sequence[Outbox], moment: datetime, settings: Settings) -> _Facts:
    asked = {row.account.customer_id for row in rows if row.purpose is not Purpose.SERVICE}
    readers = {row.account.customer_id for row in rows if row.purpose is Purpose.MARKETING}
    return _Facts(
        granted=_granted(session, asked),
        complaining=_complaining(session, readers),
        sent_today=_marketing_since(session, readers, _midnight(moment, settings)),
        sent_in_24_h=_marketing_since(session, readers, moment - timedelta(hours=24)),
    )


def _decide(row: Outbox, facts: _Facts, moment: datetime, settings: Settings) -> Verdict:
    if not row.account.reachable:
        return Verdict(refusal=Refusal.UNREACHABLE)
    if row.kind is OutboxKind.REPLY:
        return ALLOWED
    if row.purpose is not Purpose.SERVICE and (row.account.customer_id, row.purpose) not in facts.granted:
        return Verdict(refusal=Refusal.NO_CONSENT)
    if row.purpose is Purpose.MARKETING and row.account.customer_id in facts.complaining:
        return Verdict(refusal=Refusal.OPEN_COMPLAINT)
    opens = opening(moment, settings)
    if opens is not None:
        return Verdict(wait_until=opens)
    return _marketing_allowance(row, facts, moment, settings) if row.purpose is Purpose.MARKETING else ALLOWED


def standing_refusal(session: Session, account: ChannelAccount, purpose: Purpose) -> Refusal | None:
    """What forbids writing to the account for `purpose` whatever the hour. None when nothing does."""
    if not account.reachable:
        return Refusal.UNREACHABLE
    if not consents.granted(session, account.customer_id, purpose):
        return Refusal.NO_CONSENT
    if purpose is Purpose.MARKETING and complaints.has_open(session, account.customer_id):
        return Refusal.OPEN_COMPLAINT
    return None


def opening(moment: datetime, settings: Settings) -> datetime | None:
    """None within the hours in which people may be written to unasked; outside them, when they begin again."""
    hour = clock.local(moment, settings.zone).hour
    if settings.quiet_until_hour <= hour < settings.quiet_from_hour:
        return None
    return clock.next_local_hour(moment, settings.quiet_until_hour, settings.zone)


def _marketing_allowance(row: Outbox, facts: _Facts, moment: datetime, settings: Settings) -> Verdict:
    if facts.sent_today[row.account.customer_id] >= settings.marketing_per_day:
        tomorrow = _midnight(moment, settings) + timedelta(days=1)
        return Verdict(wait_until=clock.next_local_hour(tomorrow, settings.quiet_until_hour, settings.zone))
    if facts.sent_in_24_h[row.account.customer_id] >= LEGAL_MARKETING_IN_24_H:
        return Verdict(wait_until=moment + timedelta(hours=1))
    return ALLOWED


def _midnight(moment: datetime, settings: Settings) -> datetime:
    return clock.at_local(clock.local(moment, settings.zone).date(), 0, settings.zone)


def _granted(session: Session, customers: Collection[int]) -> set[tuple[int, Purpose]]:
    newest = select(func.max(Consent.id)).where(Consent.customer_id.in_(customers))
    newest = newest.group_by(Consent.customer_id, Consent.purpose)
    held = select(Consent.customer_id, Consent.purpose).where(Consent.id.in_(newest), Consent.granted.is_(True))
    return {(customer, purpose) for customer, purpose in session.execute(held)} if customers else set()


def _complaining(session: Session, customers: Collection[int]) -> set[int]:
    waiting = select(Complaint.customer_id).where(Complaint.customer_id.in_(customers))
    waiting = waiting.where(Complaint.state.in_(complaints.OPEN_STATES))
    return set(session.scalars(waiting)) if customers else set()


def _marketing_since(session: Session, customers: Collection[int], since: datetime) -> Counter[int]:
    counted = (
        select(ChannelAccount.customer_id, func.count())
        .join(Outbox, Outbox.account_id == ChannelAccount.id)
        .where(
            ChannelAccount.customer_id.in_(customers),
            Outbox.kind == OutboxKind.MARKETING,
            Outbox.state.in_(_COUNTED),
            Outbox.sending_at >= since,
        )
    )
    rows = session.execute(counted.group_by(ChannelAccount.customer_id)) if customers else ()
    return Counter(dict(iter(rows)))
