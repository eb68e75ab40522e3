"""The life of an outbox row once its time has come: claimed, sent, or not sent for a reason. Every change is here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.orm import Session, defer, joinedload

from crm import clock, contact_policy, queues, undelivered, workers
from crm.contact_policy import Verdict
from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import Purpose
from crm.settings import Settings

MAX_ATTEMPTS = 6
MAX_RESENDS = 1
FIRST_BACKOFF_S = 2
RESEND_AFTER_S = 2.0  # what broke a call off rarely lets the next one through at once
DEFERRED_AT_ONCE = 1000
ROUNDS = 10
# Between a claim and its call lie a slot of the near future and what the network takes: both are added to a chat's gap.
CALL_DELAY_S = 0.25
EXPIRED = "expired"
UNSERVED_FOR = timedelta(days=1)
BOT_GONE = "bot_gone"
STILL_NEWS = timedelta(days=3)  # what the customer missed longer ago would come all at once, and be overtaken


class Outcome(StrEnum):
    """What became of a call to the channel.

    SENT; RETRY: it was certainly not accepted, try again later; THROTTLED, NOT_REACHED: nor was it, and it counts as no
    try, as the channel wants us to wait or is away; AMBIGUOUS: nobody knows; REJECTED: it will never be accepted;
    UNREACHABLE: nor will anything else to this chat.
    """

    SENT = "sent"
    RETRY = "retry"
    THROTTLED = "throttled"
    NOT_REACHED = "not reached"
    AMBIGUOUS = "ambiguous"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Letter:
    """One claimed message: what goes to which chat. `fence` is the number of the worker that claimed it; together with
    `claimed_at` it says which of the worker's claims this is: what went back may be claimed by the same one again.
    """

    outbox_id: int
    chat_id: int
    body: dict[str, Any]
    fence: int
    claimed_at: datetime


@dataclass(frozen=True)
class Report:
    """What became of a letter. `wait_s`: before it may be tried again; `asked_s`: seconds for which Telegram has just
    asked to be left alone by everybody; `late_s`: past its slot.
    """

    letter: Letter
    outcome: Outcome
    reason: str = ""
    message_id: int | None = None
    wait_s: float = 0.0
    asked_s: float = 0.0
    late_s: float = 0.0


def claim(session: Session, settings: Settings, fence: int, limit: int) -> list[Letter]:
    """Marks up to `limit` due messages as being sent, one a chat, most urgent first. Commit before sending them.

    Rows whose policy says no, or whose time is over, get their final state and reason on the way. Only one process at a
    time may claim for a bot: hold its `send_limits.gate`.
    """
    moment = clock.now()
    opens = contact_policy.opening(moment, settings)
    letters: list[Letter] = []
    for queue in queues.due(session, settings.bot_id, hold=True):
        if opens is not None and queue.kind is not OutboxKind.REPLY:
            _defer(session, queue.ids(session, moment, DEFERRED_AT_ONCE), opens)
            continue
        for _ in range(ROUNDS):
            room = limit - len(letters)
            rows = queue.rows(session, moment, room) if room else []
            if not rows:
                break
            letters += _claim_rows(session, rows, moment, settings, fence)
            session.flush()
    return letters


def _claim_rows(
    session: Session, rows: Sequence[Outbox], moment: datetime, settings: Settings, fence: int
) -> list[Letter]:
    firsts = list({row.account_id: row for row in reversed(rows)}.values())[::-1]
    verdicts = contact_policy.decide_all(session, firsts, moment, settings)
    gap = timedelta(seconds=settings.chat_gap_s + CALL_DELAY_S) if settings.chat_gap_s else None
    letters = []
    for row, verdict in zip(firsts, verdicts, strict=True):
        if _stays(row, verdict, moment):
            continue
        row.state, row.sending_at, row.fence = OutboxState.SENDING, moment, fence
        row.attempts += 1
        if gap is not None:
            row.account.quiet_until = moment + gap
        letters.append(Letter(row.id, row.account.chat_id, dict(row.body), fence, moment))
    return letters


def _stays(row: Outbox, verdict: Verdict, moment: datetime) -> bool:
    """Whether the row is not sent now; it then says why."""
    if row.expires_at is not None and row.expires_at <= moment:
        row.state, row.reason = OutboxState.EXPIRED, EXPIRED
    elif verdict.refusal is not None:
        row.state, row.reason = OutboxState.SKIPPED, verdict.refusal.value
    elif verdict.wait_until is not None:
        row.not_before = verdict.wait_until
    return not verdict.allowed or row.state is OutboxState.EXPIRED


def _defer(session: Session, ids: Sequence[int], until: datetime) -> None:
    if not ids:
        return
    later = update(Outbox).where(Outbox.id.in_(ids), Outbox.state == OutboxState.QUEUED)
    session.execute(later.values(not_before=until).execution_options(synchronize_session="fetch"))


def settle_all(session: Session, reports: Sequence[Report]) -> list[Report]:
    """Writes what became of claimed messages; returns the reports that came too late and changed nothing."""
    ids = [report.letter.outbox_id for report in reports]
    ours = select(Outbox).where(Outbox.id.in_(ids), Outbox.state == OutboxState.SENDING)
    ours = ours.options(defer(Outbox.body), joinedload(Outbox.account, innerjoin=True))
    rows = {row.id: row for row in session.scalars(ours.order_by(Outbox.id).with_for_update(of=Outbox))}
    rejected = []
    for report in reports:
        row = rows.get(report.letter.outbox_id)
        if row is None or not _is_claimed_as(row, report.letter):
            rejected.append(report)
        else:
            _write(session, row, report)
    session.flush()
    return rejected


def _is_claimed_as(row: Outbox, letter: Letter) -> bool:
    """Whether the claim that stands on the row is the letter's, and not a later one."""
    return row.fence == letter.fence and row.sending_at == letter.claimed_at


def _write(session: Session, row: Outbox, report: Report) -> None:
    row.reason = report.reason[:200] or None
    match report.outcome:
        case Outcome.SENT:
            row.state, row.sent_at, row.telegram_message_id = OutboxState.SENT, clock.now(), report.message_id
        case Outcome.THROTTLED | Outcome.NOT_REACHED:
            row.attempts -= 1
            _again(row, report.wait_s)
        case Outcome.RETRY:
            _retry(session, row)
        case Outcome.AMBIGUOUS:
            _ambiguous(session, row, RESEND_AFTER_S)
        case Outcome.REJECTED:
            _end(session, row, OutboxState.FAILED)
        case Outcome.UNREACHABLE:
            # Nobody is called: the customer has shut the chat, and nothing that a person writes there arrives either.
            row.state = OutboxState.FAILED
            row.account.reachable, row.account.unreachable_reason = False, report.reason[:64]
    if report.late_s and row.account.quiet_until is not None:
        row.account.quiet_until += timedelta(seconds=report.late_s)


def recover(session: Session, bot_id: int, in_hand: Collection[int] = ()) -> int:
    """Settles what workers that are dead left half sent; returns how many rows. Every process does it now and then.

    Args:
        in_hand: messages of which the asking process will still write the outcome, under whatever number.
    """
    sending = (Outbox.bot_id == bot_id, Outbox.state == OutboxState.SENDING)
    # First the claims, then who lives: whoever claimed something enlisted before.
    fences = set(session.scalars(select(Outbox.fence).where(*sending).distinct()))
    workers.bury(session, bot_id)
    dead = [fence for fence in fences - workers.living(session, bot_id) if fence is not None]
    if not dead and None not in fences:
        return 0
    left = select(Outbox).where(*sending, or_(Outbox.fence.in_(dead), Outbox.fence.is_(None)))
    left = left.where(Outbox.id.not_in(in_hand))
    rows = list(session.scalars(left.with_for_update()))
    for row in rows:
        row.reason = "the sender stopped during the call"
        _ambiguous(session, row)
    session.flush()
    return len(rows)


def put_back(session: Session, bot_id: int, fence: int, known: Collection[Letter]) -> int:
    """Queues again what a worker claimed and never heard of, as the answer to its commit was lost: no call was made."""
    sending = (Outbox.bot_id == bot_id, Outbox.state == OutboxState.SENDING, Outbox.fence == fence)
    heard_of = {(letter.outbox_id, letter.claimed_at) for letter in known}
    claims = session.execute(select(Outbox.id, Outbox.sending_at).where(*sending)).all()
    unheard = [number for number, claimed_at in claims if (number, claimed_at) not in heard_of]
    lost = update(Outbox).where(*sending, Outbox.id.in_(unheard))
    return _count(session.execute(lost.values(state=OutboxState.QUEUED, attempts=Outbox.attempts - 1)))


def expire(session: Session, bot_id: int) -> int:
    """Ends the queued messages whose time is over; returns how many.

    What a paused broadcast holds is left alone: it goes on with a new time, or is cancelled, as a person decides.
    """
    paused = select(Campaign.id).where(Campaign.state == CampaignState.PAUSED)
    over = update(Outbox).where(
        Outbox.bot_id == bot_id,
        Outbox.state == OutboxState.QUEUED,
        Outbox.expires_at <= clock.now(),
        or_(Outbox.campaign_id.is_(None), Outbox.campaign_id.not_in(paused)),
    )
    return _count(session.execute(over.values(state=OutboxState.EXPIRED, reason=EXPIRED)))


def end_unserved(session: Session, own_bot_id: int, moment: datetime) -> int:
    """Ends what has waited a day for a bot that no process serves: the shop has another one now. Returns how many."""
    waiting = (Outbox.state == OutboxState.QUEUED, Outbox.not_before <= moment - UNSERVED_FOR)
    others = select(Outbox.bot_id).distinct().where(*waiting, Outbox.bot_id != own_bot_id)
    gone = [bot_id for bot_id in session.scalars(others) if not workers.is_served(session, bot_id)]
    ended = update(Outbox).where(*waiting, Outbox.bot_id.in_(gone))
    return _count(session.execute(ended.values(state=OutboxState.SKIPPED, reason=BOT_GONE)))


def take_up_again(session: Session, account_id: int) -> None:
    """Queues the service messages of the last days that found the customer unreachable, now that they are back."""
    session.execute(
        update(Outbox)
        .where(
            Outbox.account_id == account_id,
            Outbox.kind == OutboxKind.CARE,
            Outbox.purpose == Purpose.SERVICE,
            Outbox.state == OutboxState.SKIPPED,
            Outbox.reason == contact_policy.Refusal.UNREACHABLE.value,
            Outbox.created_at > clock.now() - STILL_NEWS,
        )
        .values(state=OutboxState.QUEUED, reason=None)
    )


def withdraw(session: Session, campaign_id: int, reason: str) -> int:
    """Takes back what a campaign still has queued; returns how many rows."""
    queued = update(Outbox).where(Outbox.campaign_id == campaign_id, Outbox.state == OutboxState.QUEUED)
    return _count(session.execute(queued.values(state=OutboxState.SKIPPED, reason=reason)))


def _retry(session: Session, row: Outbox) -> None:
    if row.attempts >= MAX_ATTEMPTS:
        _end(session, row, OutboxState.FAILED)
    else:
        _again(row, FIRST_BACKOFF_S * 2 ** (row.attempts - 1))


def _ambiguous(session: Session, row: Outbox, wait_s: float = 0) -> None:
    """Nobody has exactly-once: marketing is sent at most once, a reply or care message at most once more."""
    if row.kind is OutboxKind.MARKETING or row.resends >= MAX_RESENDS:
        _end(session, row, OutboxState.UNKNOWN)
        return
    row.resends += 1
    _again(row, wait_s)


def _end(session: Session, row: Outbox, state: OutboxState) -> None:
    row.state = state
    undelivered.call_person(session, row)


def _again(row: Outbox, seconds: float) -> None:
    row.state, row.not_before = OutboxState.QUEUED, clock.now() + timedelta(seconds=seconds)


def _count(result: Any) -> int:
    counted: CursorResult[Any] = result
    return counted.rowcount
