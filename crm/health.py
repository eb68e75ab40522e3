"""Signs of life, and what is wrong with the installation, each with what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, false, func, or_, select
from sqlalchemy.orm import Session

from crm import clock, lock_server
from crm.models.messaging import Heartbeat, Inbound, InboundState, Outbox, OutboxKind, OutboxState
from crm.outbox import PRIORITY, UNDELIVERED
from crm.settings import settings

STALE_S = 30.0
FORGOTTEN_S = 86_400.0
UPDATE_OLD = timedelta(seconds=60)
REPLY_OLD = timedelta(seconds=60)
IN_FLIGHT_OLD = timedelta(seconds=60)
DEAD_LETTERS_OF = timedelta(hours=24)


@dataclass(frozen=True)
class Sign:
    """The last sign of life of `process`, `age_s` seconds ago, and what it said of itself."""

    process: str
    age_s: float
    status: str

    @property
    def alive(self) -> bool:
        return self.age_s < STALE_S


@dataclass(frozen=True)
class Problem:
    """`what` is wrong and what to `do`. `red`: customers wait, or soon will; else it wants to be looked at."""

    what: str
    do: str
    red: bool = True


def beat(session: Session, process: str, status: str, at: datetime | None = None) -> None:
    """Writes that `process` lives, or that it last did at `at`.

    `bot` is the role, `bot:7` one process of it, `bot:7:delivery` one loop of that process.
    """
    session.merge(Heartbeat(process=process, at=at or clock.now(), status=status[:200]))


def forget(session: Session, process: str) -> None:
    """Takes away the signs of a process that ended, and of its loops."""
    gone = or_(Heartbeat.process == process, Heartbeat.process.startswith(f"{process}:"))
    session.execute(delete(Heartbeat).where(gone))


def signs(session: Session) -> list[Sign]:
    """The signs of life of every role that ever gave one, by its newest process."""
    return [sign for sign in _signs(session) if ":" not in sign.process]


def parts(session: Session) -> list[Sign]:
    """The signs of life of single processes and their loops; whoever is away for FORGOTTEN_S was taken away."""
    return [sign for sign in _signs(session) if ":" in sign.process and sign.age_s < FORGOTTEN_S]


def problems(session: Session, bot_id: int) -> list[Problem]:
    """What is wrong as far as the database tells, and the Redis of several Rasas; the red ones first."""
    moment = clock.now()
    found = [*_silent(session), *_locks(), *_queues(session, bot_id, moment), *_dead_letters(session, bot_id, moment)]
    return sorted(found, key=lambda problem: not problem.red)


def try_to_write(session: Session) -> None:
    """Changes nothing, but as a write: raises SQLAlchemy's DBAPIError where the database can only be read."""
    session.execute(delete(Heartbeat).where(false()))


def _signs(session: Session) -> list[Sign]:
    moment = clock.now()
    rows = session.scalars(select(Heartbeat).order_by(Heartbeat.process))
    return [Sign(row.process, (moment - row.at).total_seconds(), row.status) for row in rows]


def _silent(session: Session) -> Iterator[Problem]:
    for sign in signs(session):
        if not sign.alive:
            what = f"no sign of life from {sign.process} for {sign.age_s:.0f} s"
            yield Problem(what, f"see that it runs and read its log; `make run`, or `trian {sign.process}`, starts it")
    for sign in parts(session):
        if not sign.alive:
            said = f" ({sign.status})" if sign.status else ""
            what = f"{sign.process} has not got on for {sign.age_s:.0f} s{said}"
            role = sign.process.partition(":")[0]
            yield Problem(
                what, f"read the log of {role}; if it names no cause that is mended already, restart that process"
            )


def _locks() -> Iterator[Problem]:
    if wrong := lock_server.problem(settings().lock_url):
        what = f"the Redis of Rasa's locks does not answer ({wrong})"
        yield Problem(what, "see that it runs and that TRIAN_LOCK_URL leads to it; without it Rasa answers nobody")


def _queues(session: Session, bot_id: int, moment: datetime) -> Iterator[Problem]:
    waiting = select(func.min(Inbound.received_at)).where(
        Inbound.bot_id == bot_id, Inbound.state == InboundState.PENDING
    )
    if age := _older(session.scalar(waiting), moment, UPDATE_OLD):
        yield Problem(f"a customer's message has waited for {age:.0f} s", "see that bot, rasa and actions run")
    mine = (Outbox.bot_id == bot_id,)
    # One that was tried waits since it was made: each try puts off when it is due.
    since = case((Outbox.sending_at.is_not(None), Outbox.created_at), else_=Outbox.not_before)
    replies = select(func.min(since)).where(
        *mine, Outbox.state == OutboxState.QUEUED, Outbox.priority == 0, Outbox.kind == OutboxKind.REPLY
    )
    if age := _older(session.scalar(replies), moment, REPLY_OLD):
        yield Problem(f"an answer has waited to be sent for {age:.0f} s", "see that bot runs and Telegram is reached")
    flying = select(func.min(Outbox.sending_at)).where(*mine, Outbox.state == OutboxState.SENDING)
    if age := _older(session.scalar(flying), moment, IN_FLIGHT_OLD):
        what = f"a message has been on its way to Telegram for {age:.0f} s"
        yield Problem(what, "see that bot runs; a bot that starts settles what another left half sent")


def _dead_letters(session: Session, bot_id: int, moment: datetime) -> Iterator[Problem]:
    since = moment - DEAD_LETTERS_OF
    updates: Any = select(func.count()).where(
        Inbound.bot_id == bot_id, Inbound.state == InboundState.DEAD, Inbound.done_at >= since
    )
    if count := session.scalar(updates):
        what = f"{count} messages of customers were given up in the last 24 hours"
        yield Problem(what, "staff were called to those chats; the log of the bot says why", red=False)
    marketing = Outbox.priority == PRIORITY[OutboxKind.MARKETING]
    failed: Any = select(func.count()).where(
        Outbox.bot_id == bot_id, Outbox.state == OutboxState.FAILED, marketing, Outbox.sending_at >= since
    )
    if count := session.scalar(failed):
        what = f"{count} messages of broadcasts were refused by Telegram in the last 24 hours"
        yield Problem(what, "their reasons are on the broadcast's page", red=False)
    yield from _undelivered(session, bot_id, since)


def _undelivered(session: Session, bot_id: int, since: datetime) -> Iterator[Problem]:
    ended = select(Outbox.state, func.count()).where(Outbox.bot_id == bot_id, Outbox.state.in_(UNDELIVERED))
    ended = ended.where(Outbox.priority < PRIORITY[OutboxKind.MARKETING], Outbox.sending_at >= since)
    counts = dict(session.execute(ended.group_by(Outbox.state)).all())
    if not counts:
        return
    failed, unknown = counts.get(OutboxState.FAILED, 0), counts.get(OutboxState.UNKNOWN, 0)
    what = f"{failed} answers to customers were not delivered in the last 24 hours, of {unknown} nobody knows"
    do = "staff were called to those chats, but for people who blocked the bot; the reason stands on each message"
    yield Problem(what, do, red=False)


def _older(since: datetime | None, moment: datetime, limit: timedelta) -> float:
    """Seconds since then, if that is longer ago than `limit`; else 0."""
    return (moment - since).total_seconds() if since is not None and moment - since > limit else 0.0
