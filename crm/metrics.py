"""Figures about the running product, read from the database: they are true also while a process is dead.

No figure and no label says anything of a person.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import health, housekeeping
from crm.models.conversations import Escalation, EscalationState
from crm.models.messaging import Inbound, InboundState, Outbox, OutboxKind, OutboxState
from crm.models.people import Consent, Purpose
from crm.outbox import PRIORITY
from crm.settings import settings

WINDOW = timedelta(minutes=1)
OTHER = "other"
_WORD = re.compile(r"[a-z_]{1,40}")
_UNSENT = (OutboxState.SKIPPED, OutboxState.EXPIRED, OutboxState.UNKNOWN, OutboxState.FAILED)
_BY_PRIORITY = {number: kind for kind, number in PRIORITY.items()}
Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True)
class Figure:
    """One figure by its labels. `counts_up`: it only ever grows, until a backup is restored."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Sequence[Sample]
    counts_up: bool = False


@dataclass(frozen=True)
class TurnTime:
    """One update dealt with: its number, when, and the seconds since it had arrived."""

    inbound_id: int
    done_at: datetime
    seconds: float


def figures(session: Session, moment: datetime) -> list[Figure]:
    """Every figure, as of `moment`. Ages are in seconds, 0 where nothing waits."""
    return [
        Figure("trian_outbox_messages", "Messages by kind and state.", ("kind", "state"), _messages(session)),
        Figure("trian_outbox_unsent", "Messages that were not sent.", ("state", "reason"), _unsent(session)),
        Figure("trian_outbox_oldest_seconds", "Age of the oldest due message.", ("kind",), _due(session, moment)),
        Figure("trian_outbox_sent_per_second", "Over the last minute.", ("kind",), _send_rate(session, moment)),
        Figure("trian_inbound_updates", "Updates by state.", ("state",), _updates(session)),
        Figure("trian_inbound_oldest_seconds", "Age of the oldest unhandled update.", (), _waiting(session, moment)),
        Figure("trian_dead_letters", "What was given up.", ("queue",), _dead_letters(session)),
        Figure("trian_heartbeat_age_seconds", "Since the last sign of life.", ("process",), _heartbeats(session)),
        Figure("trian_consent_withdrawals", "In the ledger.", ("purpose",), _withdrawals(session), counts_up=True),
        Figure("trian_escalations", "Calls for a person.", ("state",), _escalations(session)),
        Figure("trian_escalation_oldest_seconds", "Age of the oldest.", ("state",), _longest(session, moment)),
        Figure("trian_housekeeping_age_seconds", "Since it was last done.", ("job",), _housekeeping(session, moment)),
    ]


def turn_times(session: Session, since: datetime) -> list[TurnTime]:
    """The updates that were dealt with from `since` on."""
    done = select(Inbound.id, Inbound.done_at, Inbound.received_at).where(
        Inbound.done_at >= since, Inbound.state == InboundState.DONE
    )
    return [TurnTime(number, at, (at - came).total_seconds()) for number, at, came in session.execute(done) if at]


def _messages(session: Session) -> list[Sample]:
    # From the queue's own index: the priority is the kind as a number.
    counted = select(Outbox.priority, Outbox.state, func.count()).where(_mine(Outbox))
    rows = session.execute(counted.group_by(Outbox.state, Outbox.priority))
    return [((_BY_PRIORITY[priority].value, state.value), float(count)) for priority, state, count in rows]


def _unsent(session: Session) -> list[Sample]:
    counted = select(Outbox.state, Outbox.reason, func.count()).where(_mine(Outbox), Outbox.state.in_(_UNSENT))
    sums: dict[tuple[str, ...], float] = {}
    for state, reason, count in session.execute(counted.group_by(Outbox.state, Outbox.reason)):
        # What Telegram answered is a sentence, and would be a label of its own each time.
        label = (state.value, reason if reason and _WORD.fullmatch(reason) else OTHER)
        sums[label] = sums.get(label, 0.0) + count
    return list(sums.items())


def _due(session: Session, moment: datetime) -> list[Sample]:
    due = select(Outbox.priority, func.min(Outbox.not_before)).where(
        _mine(Outbox), Outbox.state == OutboxState.QUEUED, Outbox.not_before <= moment
    )
    oldest = {_BY_PRIORITY[priority]: at for priority, at in session.execute(due.group_by(Outbox.priority))}
    return [((kind.value,), _age(oldest.get(kind), moment)) for kind in OutboxKind]


def _send_rate(session: Session, moment: datetime) -> list[Sample]:
    sent = select(Outbox.kind, func.count()).where(Outbox.sent_at > moment - WINDOW, Outbox.state == OutboxState.SENT)
    counted = dict(session.execute(sent.group_by(Outbox.kind)).all())
    return [((kind.value,), counted.get(kind, 0) / WINDOW.total_seconds()) for kind in OutboxKind]


def _updates(session: Session) -> list[Sample]:
    counted = select(Inbound.state, func.count()).where(_mine(Inbound)).group_by(Inbound.state)
    return _complete(InboundState, session.execute(counted).all())


def _waiting(session: Session, moment: datetime) -> list[Sample]:
    oldest = select(func.min(Inbound.received_at)).where(_mine(Inbound), Inbound.state == InboundState.PENDING)
    return [((), _age(session.scalar(oldest), moment))]


def _dead_letters(session: Session) -> list[Sample]:
    updates = select(func.count()).where(_mine(Inbound), Inbound.state == InboundState.DEAD)
    messages = select(func.count()).where(_mine(Outbox), Outbox.state == OutboxState.FAILED)
    return [(("inbound",), session.scalar(updates) or 0.0), (("outbox",), session.scalar(messages) or 0.0)]


def _heartbeats(session: Session) -> list[Sample]:
    return [((sign.process,), sign.age_s) for sign in health.signs(session)]


def _withdrawals(session: Session) -> list[Sample]:
    counted = select(Consent.purpose, func.count()).where(Consent.granted.is_(False)).group_by(Consent.purpose)
    return _complete(Purpose, session.execute(counted).all())


def _escalations(session: Session) -> list[Sample]:
    counted = select(Escalation.state, func.count()).where(Escalation.state != EscalationState.CLOSED)
    alive = session.execute(counted.group_by(Escalation.state)).all()
    return _complete((EscalationState.OPEN, EscalationState.CLAIMED), alive)


def _longest(session: Session, moment: datetime) -> list[Sample]:
    oldest: Callable[[EscalationState], Any] = lambda state: session.scalar(  # noqa: E731
        select(func.min(Escalation.opened_at)).where(Escalation.state == state)
    )
    return [((state.value,), _age(oldest(state), moment)) for state in (EscalationState.OPEN, EscalationState.CLAIMED)]


def _housekeeping(session: Session, moment: datetime) -> list[Sample]:
    return [((job,), _age(at, moment)) for job, at in sorted(housekeeping.last(session).items())]


def _complete(members: Iterable[Any], counted: Iterable[tuple[Any, int]]) -> list[Sample]:
    """A sample for each member, so that a figure is 0 and not away while nothing is counted."""
    counts = dict(counted)
    return [((member.value,), float(counts.get(member, 0))) for member in members]


def _mine(table: type[Inbound] | type[Outbox]) -> Any:
    return table.bot_id == settings().bot_id


def _age(since: datetime | None, moment: datetime) -> float:
    return max(0.0, (moment - since).total_seconds()) if since else 0.0
