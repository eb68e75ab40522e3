"""Who may be written to, and when. Asked at the moment of sending, never at planning.

Sources: Decree 91/2020 (advertising messages: consent, 07:00–22:00, at most three in 24 hours, a way to refuse) and the
Personal Data Protection Law 91/2025 with Decree 356/2025 (consent for the purpose, withdrawal at any time).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import clock, complaints, consents
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Purpose
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


def decide(session: Session, row: Outbox, moment: datetime, settings: Settings) -> Verdict:
    """Whether `row` may go out at `moment`."""
    if not row.account.reachable:
        return Verdict(refusal=Refusal.UNREACHABLE)
    if row.kind is OutboxKind.REPLY:
        return ALLOWED
    refusal = standing_refusal(session, row.account, row.purpose)
    if refusal is not None:
        return Verdict(refusal=refusal)
    opens = opening(moment, settings)
    if opens is not None:
        return Verdict(wait_until=opens)
    if row.purpose is Purpose.MARKETING:
        return _marketing_allowance(session, row.account_id, moment, settings)
    return ALLOWED


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


def _marketing_allowance(session: Session, account_id: int, moment: datetime, settings: Settings) -> Verdict:
    today = clock.at_local(clock.local(moment, settings.zone).date(), 0, settings.zone)
    if _marketing_since(session, account_id, today) >= settings.marketing_per_day:
        return Verdict(
            wait_until=clock.next_local_hour(today + timedelta(days=1), settings.quiet_until_hour, settings.zone)
        )
    day_ago = moment - timedelta(hours=24)
    if _marketing_since(session, account_id, day_ago) >= LEGAL_MARKETING_IN_24_H:
        return Verdict(wait_until=moment + timedelta(hours=1))
    return ALLOWED


def _marketing_since(session: Session, account_id: int, since: datetime) -> int:
    counted = select(func.count()).where(
        Outbox.account_id == account_id,
        Outbox.kind == OutboxKind.MARKETING,
        Outbox.state.in_(_COUNTED),
        Outbox.sending_at >= since,
    )
    return session.scalar(counted) or 0
