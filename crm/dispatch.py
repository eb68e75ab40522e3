"""The life of an outbox row once its time has come: claimed, sent, or not sent for a reason. Every change is here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, and_, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from crm import clock, contact_policy
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Purpose
from crm.settings import Settings

MAX_ATTEMPTS = 6
MAX_RESENDS = 1
LOOK_AHEAD = 60
FIRST_BACKOFF_S = 2


class Outcome(StrEnum):
    """What became of a call to the channel.

    SENT; RETRY: it was certainly not accepted, try again later; THROTTLED: not accepted, not counted as a try;
    AMBIGUOUS: nobody knows; REJECTED: it will never be accepted; UNREACHABLE: nor will anything else to this chat.
    """

    SENT = "sent"
    RETRY = "retry"
    THROTTLED = "throttled"
    AMBIGUOUS = "ambiguous"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Letter:
    """One claimed message: what goes to which chat."""

    outbox_id: int
    chat_id: int
    body: dict[str, Any]
    fence: int


def claim(session: Session, settings: Settings, fence: int, limit: int, busy_chats: Collection[int]) -> list[Letter]:
    """Marks up to `limit` due messages as being sent, one a chat, most urgent first. Commit before sending them.

    Rows whose policy says no, or whose time is over, get their final state and reason on the way.
    """
    moment = clock.now()
    letters: list[Letter] = []
    taken = set(busy_chats)
    for row in session.scalars(_due(settings.bot_id, taken)):
        if len(letters) == limit:
            break
        if row.account.chat_id in taken:
            continue
        if row.expires_at is not None and row.expires_at <= moment:
            row.state, row.reason = OutboxState.EXPIRED, "expired"
            continue
        verdict = contact_policy.decide(session, row, moment, settings)
        if verdict.refusal is not None:
            row.state, row.reason = OutboxState.SKIPPED, verdict.refusal.value
        elif verdict.wait_until is not None:
            row.not_before = verdict.wait_until
        else:
            row.state, row.sending_at, row.fence = OutboxState.SENDING, moment, fence
            row.attempts += 1
            taken.add(row.account.chat_id)
            letters.append(Letter(row.id, row.account.chat_id, dict(row.body), fence))
    return letters


def _due(bot_id: int, busy_chats: Collection[int]) -> Select[Outbox]:
    due = select(Outbox).join(Outbox.account).options(joinedload(Outbox.account))
    due = due.where(Outbox.bot_id == bot_id, Outbox.state == OutboxState.QUEUED, Outbox.not_before <= clock.now())
    due = due.where(ChannelAccount.chat_id.not_in(busy_chats), ~_behind_another_reply())
    due = due.order_by(Outbox.priority, Outbox.not_before, Outbox.id).limit(LOOK_AHEAD)
    return due.with_for_update(of=Outbox, skip_locked=True)


def _behind_another_reply() -> ColumnElement[bool]:
    """Whether a reply must wait for an earlier one to the same chat: a retry must not turn the order round."""
    earlier = aliased(Outbox)
    waiting = select(earlier.id).where(
        earlier.account_id == Outbox.account_id,
        earlier.kind == OutboxKind.REPLY,
        earlier.id < Outbox.id,
        earlier.state.in_((OutboxState.QUEUED, OutboxState.SENDING)),
    )
    return and_(Outbox.kind == OutboxKind.REPLY, waiting.exists())


def settle(
    session: Session,
    letter: Letter,
    outcome: Outcome,
    *,
    reason: str = "",
    message_id: int | None = None,
    wait_s: float = 0,
) -> bool:
    """Writes what became of a claimed message; False when the claim was no longer ours, and nothing was written."""
    row = session.scalar(
        select(Outbox)
        .where(Outbox.id == letter.outbox_id, Outbox.state == OutboxState.SENDING, Outbox.fence == letter.fence)
        .with_for_update()
    )
    if row is None:
        return False
    row.reason = reason[:200] or None
    match outcome:
        case Outcome.SENT:
            row.state, row.sent_at, row.telegram_message_id = OutboxState.SENT, clock.now(), message_id
        case Outcome.THROTTLED:
            row.attempts -= 1
            _again(row, wait_s)
        case Outcome.RETRY:
            _retry(row)
        case Outcome.AMBIGUOUS:
            _ambiguous(row)
        case Outcome.REJECTED:
            row.state = OutboxState.FAILED
        case Outcome.UNREACHABLE:
            row.state = OutboxState.FAILED
            row.account.reachable, row.account.unreachable_reason = False, reason[:64]
    return True


def recover(session: Session, bot_id: int, fence: int) -> int:
    """Settles what an earlier holder of the lease left half sent; returns how many rows. Call once on taking over."""
    left = select(Outbox).where(Outbox.bot_id == bot_id, Outbox.state == OutboxState.SENDING, Outbox.fence < fence)
    rows = list(session.scalars(left.with_for_update()))
    for row in rows:
        row.reason = "the sender stopped during the call"
        _ambiguous(row)
    return len(rows)


def take_up_again(session: Session, account_id: int) -> None:
    """Queues the service messages that found the customer unreachable, now that they are back."""
    session.execute(
        update(Outbox)
        .where(
            Outbox.account_id == account_id,
            Outbox.kind == OutboxKind.CARE,
            Outbox.purpose == Purpose.SERVICE,
            Outbox.state == OutboxState.SKIPPED,
            Outbox.reason == contact_policy.Refusal.UNREACHABLE.value,
        )
        .values(state=OutboxState.QUEUED, reason=None)
    )


def withdraw(session: Session, campaign_id: int, reason: str) -> int:
    """Takes back what a campaign still has queued; returns how many rows."""
    taken: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(Outbox)
        .where(Outbox.campaign_id == campaign_id, Outbox.state == OutboxState.QUEUED)
        .values(state=OutboxState.SKIPPED, reason=reason)
    )
    return taken.rowcount


def _retry(row: Outbox) -> None:
    if row.attempts >= MAX_ATTEMPTS:
        row.state = OutboxState.FAILED
    else:
        _again(row, FIRST_BACKOFF_S * 2 ** (row.attempts - 1))


def _ambiguous(row: Outbox) -> None:
    """Nobody has exactly-once: marketing is sent at most once, a reply or care message at most once more."""
    if row.kind is OutboxKind.MARKETING or row.resends >= MAX_RESENDS:
        row.state = OutboxState.UNKNOWN
        return
    row.resends += 1
    _again(row, 0)


def _again(row: Outbox, seconds: float) -> None:
    row.state, row.not_before = OutboxState.QUEUED, clock.now() + timedelta(seconds=seconds)
