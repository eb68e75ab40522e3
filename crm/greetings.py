"""Greetings on birthdays and holidays: one a person and day, to those who agreed to greetings, in daylight.

Rows decide, not the moment of waking: the question "who is to be greeted today and was not" is asked again each time,
so a scheduler that was down, a consent given at noon and a birthday told today all come right by themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import ColumnElement, Row, Select, and_, case, exists, or_, select
from sqlalchemy.orm import Session, aliased

from crm import clock, holidays, occasions, outbox, reach, templates
from crm.models.care import Greeting, GreetingState
from crm.models.messaging import OutboxKind
from crm.models.people import ChannelAccount, Customer, CustomerKind, Occasion, OccasionKind, Purpose
from crm.outbox import Content
from crm.settings import settings

BIRTHDAY = OccasionKind.BIRTHDAY.value
BATCH = 100
LOOK_AHEAD = 2000
PLAN_BATCH = 1000


class Standing(StrEnum):
    """Whether a person whom the day concerns is greeted; the values beside SEND and ALREADY are Refusal's."""

    SEND = "send"
    ALREADY = "already_greeted"
    NO_ACCOUNT = "no_account"
    UNREACHABLE = "unreachable"
    NO_CONSENT = "no_consent"


@dataclass(frozen=True)
class Planned:
    """One person whom the day concerns: what they would read, and whether they will."""

    customer_id: int
    name: str
    occasion: str
    text: str
    standing: Standing


def plan(session: Session, day: date) -> Iterator[Planned]:
    """Everybody whom `day` (the shop's local date) concerns, by customer number. Reads in batches, writes nothing."""
    last = 0
    while rows := session.execute(_concerned(day).where(Customer.id > last).limit(PLAN_BATCH)).all():
        for row in rows:
            yield _planned(row, day)
        last = rows[-1].Customer.id
        session.expunge_all()


def due(session: Session, moment: datetime, limit: int = LOOK_AHEAD) -> list[int]:
    """The first `limit` customers whom `queue_due` would deal with. Only reads: it looks through everybody."""
    rows = session.execute(due_on(clock.local(moment, settings().zone).date()).limit(limit))
    return [row.Customer.id for row in rows]


def queue_due(session: Session, moment: datetime, limit: int = BATCH, among: Sequence[int] | None = None) -> int:
    """Queues at most `limit` of today's greetings; after hours records them as missed instead.

    Args:
        moment: the present. A greeting waits for the greeting hour, and is worth nothing after the quiet hours begin.
        among: look at these customers only (from `due`), so that the transaction is short however many there are.

    Returns:
        How many people were dealt with. Call again, in a transaction of its own, until 0.
    """
    day = clock.local(moment, settings().zone).date()
    over = ends(day)
    wanted = due_on(day) if among is None else due_on(day).where(Customer.id.in_(among))
    rows = session.execute(wanted.limit(limit)).all()
    accounts = reach.accounts(session, (row.account_id for row in rows))
    for row in rows:
        greeting = Greeting(
            customer_id=row.Customer.id, occasion=row.occasion, local_date=day, state=GreetingState.MISSED, at=moment
        )
        if moment < over:
            greeting.state, greeting.outbox_id = (
                GreetingState.QUEUED,
                _enqueue(session, row, accounts[row.account_id], day, over),
            )
        session.add(greeting)
    session.flush()
    return len(rows)


def _enqueue(session: Session, row: Row[Any], account: ChannelAccount, day: date, over: datetime) -> int | None:
    queued = outbox.enqueue(
        session,
        account,
        Content(text_for(row.Customer, row.occasion, day)),
        kind=OutboxKind.CARE,
        purpose=Purpose.GREETINGS,
        dedupe_key=f"greeting:{row.Customer.id}:{day.isoformat()}",
        not_before=clock.at_local(day, settings().greeting_hour, settings().zone),
        expires_at=over,
    )
    return queued.id if queued else None


def merge(session: Session, kept_id: int, gone_id: int) -> None:
    """Of a day's greetings to both records, now one person's, one goes out; so it stays if the merge is taken back."""
    mine, theirs = aliased(Greeting), aliased(Greeting)
    both = select(mine.outbox_id, theirs.outbox_id).join(theirs, theirs.local_date == mine.local_date)
    pairs = [
        (ours, other)
        for ours, other in session.execute(both.where(mine.customer_id == kept_id, theirs.customer_id == gone_id))
        if ours is not None and other is not None
    ]
    messages = outbox.hold(session, {number for pair in pairs for number in pair})
    for ours, other in ((messages[one], messages[two]) for one, two in pairs):
        outbox.end_second(ours, other)
    session.flush()


def ends(day: date) -> datetime:
    """When the greetings of `day` are worth nothing any more."""
    hour = settings().quiet_from_hour
    return clock.at_local(day + timedelta(days=hour // 24), hour % 24, settings().zone)


def due_on(day: date) -> Select[Any]:
    """Rows, as of `_concerned`, of those who may be greeted on `day` and were not."""
    return _concerned(day).where(_refusal().is_(None), ~_greeted(day))


def _concerned(day: date) -> Select[Any]:
    """Rows (Customer, occasion, refusal, account_id, greeted) of all whom `day` concerns; a birthday goes first."""
    reasons = [(_has_birthday(day), BIRTHDAY)] + [(each.audience.holds(), each.key) for each in holidays.kept_on(day)]
    return (
        select(
            Customer,
            case(*reasons).label("occasion"),
            _refusal().label("refusal"),
            reach.account_id(settings().bot_id).label("account_id"),
            _greeted(day).label("greeted"),
        )
        .where(or_(*(concerned for concerned, _ in reasons)))
        .order_by(Customer.id)
    )


def _has_birthday(day: date) -> ColumnElement[bool]:
    days = or_(
        *(
            and_(
                Occasion.calendar == kept.calendar,
                Occasion.month == kept.month,
                Occasion.day == kept.day,
                Occasion.leap_month.is_(kept.leap),
            )
            for kept in occasions.kept_on(day)
        )
    )
    return Customer.id.in_(select(Occasion.customer_id).where(Occasion.kind == OccasionKind.BIRTHDAY, days))


def _refusal() -> ColumnElement[Any]:
    return reach.refusal(Purpose.GREETINGS, settings().bot_id)


def _greeted(day: date) -> ColumnElement[bool]:
    return exists(
        select(Greeting.id).where(Greeting.customer_id == Customer.id, Greeting.local_date == day).correlate(Customer)
    )


def _planned(row: Row[Any], day: date) -> Planned:
    standing = Standing.ALREADY if row.greeted else Standing(row.refusal) if row.refusal else Standing.SEND
    text = text_for(row.Customer, row.occasion, day)
    return Planned(row.Customer.id, row.Customer.name, row.occasion, text, standing)


def text_for(customer: Customer, occasion: str, day: date) -> str:
    """What the customer reads. The wording changes from year to year and from one person to the next."""
    company = customer.kind is CustomerKind.COMPANY
    variants = _variants(settings().data_dir / "templates" / "greetings.yml")[_template(occasion, company)]
    variant = variants[(customer.id + day.year) % len(variants)]
    # The last word of a company's name is nobody's given name.
    return templates.fill(variant, customer, **({"name": ""} if company else {}))


def _template(occasion: str, company: bool) -> str:
    if occasion == BIRTHDAY:
        return "birthday_company" if company else "birthday"
    return next(each.template for each in holidays.enabled() if each.key == occasion)


@lru_cache(maxsize=4)
def _variants(path: Path) -> dict[str, list[str]]:
    loaded: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
