"""Signs of life, and what is wrong with the installation, each with what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, false, func, or_, select, update
from sqlalchemy.orm import Session

from crm import clock, health_queues, lock_server
from crm.models.messaging import Heartbeat, Inbound, InboundState, Outbox, OutboxKind, OutboxState
from crm.outbox import PRIORITY, UNDELIVERED
from crm.settings import settings

STALE_S = 30.0
FORGOTTEN_S = 86_400.0
DEAD_S = 600.0  # so long a bot is missed that died and after which none was started
DIED = "died"
JOB = "job"  # signs of the scheduler's jobs begin with it
NOT_REACHED = "no contact with Telegram"
JOB_LATE_S = 300.0  # they wake every few seconds, or every minute
LONG_JOB_LATE_S = 1200.0
# One step of theirs may take long.
LONG_JOBS = frozenset({"greetings", "imports", "personal data", "purge", "webhooks"})
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


def bury(session: Session, process: str) -> None:
    """Notes that a process died: it is missed for DEAD_S seconds from its last sign on, its loops are not."""
    session.execute(delete(Heartbeat).where(Heartbeat.process.startswith(f"{process}:")))
    session.execute(update(Heartbeat).where(Heartbeat.process == process).values(status=DIED))


def forget_dead(session: Session, since: datetime | None = None) -> None:
    """Takes away the signs of processes that were buried: all, or those whose last one is older than `since`."""
    buried = delete(Heartbeat).where(Heartbeat.status == DIED)
    session.execute(buried if since is None else buried.where(Heartbeat.at < since))


def signs(session: Session) -> list[Sign]:
    """The signs of life of every role that ever gave one, by its newest process."""
    return [sign for sign in _signs(session) if ":" not in sign.process]


def parts(session: Session) -> list[Sign]:
    """The signs of life of single processes and their loops; whoever is away for FORGOTTEN_S was taken away."""
    return [sign for sign in _signs(session) if ":" in sign.process and not _is_job(sign) and sign.age_s < FORGOTTEN_S]


def problems(session: Session, bot_id: int) -> list[Problem]:
    """What is wrong as far as the database tells, and the Redis of several Rasas; the red ones first."""
    moment = clock.now()
    found = [
        *_silent(session),
        *_jobs(session),
        *_locks(),
        *_queues(session, bot_id, moment),
        *_standing(session, bot_id, moment),
        *_dead_letters(session, bot_id, moment),
    ]
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
    yield from (_stuck(sign) for sign in parts(session) if not sign.alive)


def _stuck(sign: Sign) -> Problem:
    role = sign.process.partition(":")[0]
    if sign.status == DIED:
        what = f"{sign.process} died {sign.age_s:.0f} s ago and none was started since"
        do = f"read its log and start it again: `make run`, or `trian {role}`; one too many is forgotten by itself"
        return Problem(what, f"{do} {DEAD_S / 60:.0f} minutes after its death")
    if sign.status.startswith(NOT_REACHED):
        what = f"Telegram is not reached by {sign.process} for {sign.age_s:.0f} s ({sign.status})"
        do = "see that this machine reaches it (network, DNS, TRIAN_TELEGRAM_PROXY) and that TRIAN_TELEGRAM_TOKEN holds"
        return Problem(what, f"{do}; nothing is lost meanwhile, and it goes on by itself")
    said = f" ({sign.status})" if sign.status else ""
    what = f"{sign.process} has not got on for {sign.age_s:.0f} s{said}"
    return Problem(what, f"read the log of {role}; if it names no cause that is mended already, restart that process")


def _is_job(sign: Sign) -> bool:
    return sign.process.startswith(f"{JOB}:")


def _jobs(session: Session) -> Iterator[Problem]:
    """The scheduler's jobs that hang or fail each time; of a scheduler that is dead itself nothing more is said."""
    found = _signs(session)
    if not any(sign.process == "scheduler" and sign.alive for sign in found):
        return
    for sign in filter(_is_job, found):
        name = sign.process.removeprefix(f"{JOB}:")
        if sign.age_s > (LONG_JOB_LATE_S if name in LONG_JOBS else JOB_LATE_S):
            said = f" ({sign.status})" if sign.status else ""
            what = f"the scheduler's job {name} has not got on for {sign.age_s:.0f} s{said}"
            do = "read the log of scheduler for what it says of this job; if that names no cause, restart scheduler"
            yield Problem(what, do)


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


def _standing(session: Session, bot_id: int, moment: datetime) -> Iterator[Problem]:
    for queue in health_queues.standing(session, bot_id, moment):
        named = "a message of a broadcast" if queue.kind is OutboxKind.MARKETING else "news to a customer"
        what = f"{named} has been due for {queue.age_s:.0f} s, and none of its kind goes out"
        red = queue.kind is not OutboxKind.MARKETING
        yield Problem(what, "see that bot runs and Telegram is reached, and read the log of bot", red)
    if age := health_queues.not_started(session, moment):
        what = f"a broadcast has been due for {age:.0f} s and nobody has started it"
        yield Problem(what, "see that scheduler runs, and read what its log says of the job campaigns")


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
