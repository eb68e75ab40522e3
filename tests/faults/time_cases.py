"""Faults 29 to 31: what is due when nobody is there, two schedulers, and the days of the two calendars."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from crm import campaigns, customers
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState, PauseReason
from crm.models.care import Greeting, GreetingState
from crm.models.messaging import Heartbeat, Outbox, OutboxState
from crm.models.people import CalendarKind, ChannelAccount, Customer
from tests.faults.audience import gather, writing
from tests.faults.broadcast import WITHOUT_BRAKES, Broadcast, advertisements
from tests.faults.case import Tally, case
from tests.faults.rooms import Running
from tests.faults.world import World

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
LATER = timedelta(minutes=5)
BIRTHDAY = "birthday"
TTL_S = 3
SHORT_FREEZE_S, LONG_FREEZE_S = 2.0 * TTL_S, 300.0  # the long one only in a full round, once
PEOPLE = 400
LOOK_S = 2.0  # so long a bot is watched that shall send nothing

# Born on → days of the shop's calendar on which that is kept, of those that DAYS looks at. Known from printed
# calendars: 2025 had a second sixth month from 25 July on, its New Year's Eve was 29 Chạp; in 2030 Tết is 2 February.
LEAP_SIXTH = (CalendarKind.LUNAR, 1, 6, True)
BORN: dict[tuple[CalendarKind, int, int, bool], tuple[date, ...]] = {
    (CalendarKind.SOLAR, 29, 2, False): (date(2026, 2, 28), date(2028, 2, 29)),
    (CalendarKind.SOLAR, 28, 2, False): (date(2026, 2, 28), date(2028, 2, 28)),
    (CalendarKind.SOLAR, 1, 1, False): (date(2027, 1, 1),),
    (CalendarKind.SOLAR, 31, 12, False): (date(2026, 12, 31),),
    (CalendarKind.LUNAR, 30, 12, False): (date(2025, 1, 28),),
    (CalendarKind.LUNAR, 1, 6, False): (date(2025, 6, 25), date(2026, 7, 14)),
    LEAP_SIXTH: (date(2025, 7, 25), date(2026, 7, 14)),
    (CalendarKind.LUNAR, 1, 1, False): (date(2030, 2, 2),),
    (CalendarKind.LUNAR, 2, 1, False): (date(2030, 2, 3),),
}
# Moments at which the schedulers' clocks stand; the last of the year is 00:30 of the next one here, 17:30 in UTC.
DAYS = [
    datetime(day.year, day.month, day.day, 8, 5, tzinfo=ZONE) for day in sorted({d for k in BORN.values() for d in k})
]
TURN_OF_THE_YEAR = datetime(2027, 1, 1, 0, 30, tzinfo=ZONE)


@case(29, "due at 08:00, the scheduler down till later", tries=8, short=0)
def slept_in(world: World, tries: int, dice: random.Random) -> Tally:
    """By turns it comes back at 11:00 and at 22:30; each try is another day, on which some have their birthday."""
    tally = Tally(tries=tries)
    chats = gather(world, 12)
    world.settings |= WITHOUT_BRAKES | {"TRIAN_TIMEZONE": str(ZONE), "TRIAN_RETENTION_HOUR": "23"}
    for number in range(tries):
        day = datetime(2026, 3, 2 + 3 * number, tzinfo=ZONE)
        born = dice.sample(chats, 4)
        _are_born(world, born, (CalendarKind.SOLAR, day.day, day.month, False))
        broadcast = _due_at(world, f"Sáng ngày {day:%d/%m}", day.replace(hour=8))
        if number % 2:
            _too_late(world, tally, day, born, broadcast, len(chats))
        else:
            _late(world, tally, day, born, broadcast, len(chats))
    return tally


def _late(world: World, tally: Tally, day: datetime, born: Sequence[int], broadcast: Broadcast, people: int) -> None:
    mark, at = world.mark(), day.replace(hour=11)
    for _ in range(2):
        _schedulers_work(world, at, born)
        _sent(world, tally, at, people + len(born), mark.call)
        at += LATER
    tally.equal(broadcast.state, CampaignState.FINISHED, f"{day:%d/%m}: the broadcast")
    tally.equal(len(advertisements(world, mark.call)), people, f"{day:%d/%m}: advertisements, come back at 11:00")
    greeted = [call["chat_id"] for call in world.telegram.accepted(mark.call) if not call["text"].startswith("[QC]")]
    tally.equal(sorted(greeted), sorted(born), f"{day:%d/%m}: greeted, come back at 11:00")
    world.audit(mark).into(tally)


def _too_late(
    world: World, tally: Tally, day: datetime, born: Sequence[int], broadcast: Broadcast, people: int
) -> None:
    """Nothing goes out at night, and nothing by itself the next morning; then a person starts the broadcast."""
    mark, night = world.mark(), day.replace(hour=22, minute=30)
    _schedulers_work(world, night, born)
    _sent(world, tally, night, 0, mark.call)
    tally.equal(len(world.telegram.accepted(mark.call)), 0, f"{day:%d/%m}: sent at night")
    tally.equal(_greetings(world, day.date(), GreetingState.MISSED), sorted(born), f"{day:%d/%m}: recorded as missed")
    tally.equal(broadcast.why, PauseReason.MISSED, f"{day:%d/%m}: the broadcast is recorded as missed")
    morning = day + timedelta(days=1, hours=7, minutes=1)
    _schedulers_work(world, morning, ())
    _sent(world, tally, morning, 0, mark.call)
    tally.equal(len(world.telegram.accepted(mark.call)), 0, f"{day:%d/%m}: sent the next morning by itself")
    broadcast.act(campaigns.schedule)
    with world.database.begin() as session:  # the person's clock stands where the others' does
        session.execute(update(Campaign).where(Campaign.id == broadcast.id).values(scheduled_at=morning))
    _schedulers_work(world, morning + LATER, ())
    _sent(world, tally, morning + LATER, people, mark.call)
    _schedulers_work(world, morning + 2 * LATER, ())
    tally.equal(len(world.telegram.accepted(mark.call)), people, f"{day:%d/%m}: sent when a person started it")
    tally.equal(broadcast.state, CampaignState.FINISHED, f"{day:%d/%m}: the broadcast")
    world.audit(mark).into(tally)


def _due_at(world: World, words: str, moment: datetime) -> Broadcast:
    """A broadcast that was to begin at `moment`, which has passed."""
    broadcast = Broadcast(world, words)
    with world.database.begin() as session:
        session.execute(update(Campaign).where(Campaign.id == broadcast.id).values(scheduled_at=moment))
    return broadcast


def _are_born(world: World, chats: Sequence[int], day: tuple[CalendarKind, int, int, bool]) -> None:
    calendar, number, month, leap = day
    with writing(world) as session:
        mine = select(Customer).join(ChannelAccount).where(ChannelAccount.chat_id.in_(chats))
        for customer in session.scalars(mine):
            customers.set_birthday(session, customer, calendar, number, month).leap_month = leap


def _schedulers_work(world: World, at: datetime, born: Sequence[int]) -> None:
    """A scheduler whose clock stands at `at` starts, deals with everything due and is told to stop."""
    scheduler = world.start("scheduler", at=at)
    world.wait(lambda: set(born) <= set(_greetings(world, at.date())), 60, f"greetings of {at:%d/%m/%Y} are dealt with")
    world.wait(partial(_nothing_to_start, world), 60, f"what is due on {at:%d/%m/%Y %H:%M} is dealt with")
    scheduler.stop()


def _nothing_to_start(world: World) -> bool:
    """Whether no broadcast waits for its start, for messages or for being called finished."""
    with world.database.read() as session:
        scheduled = select(func.count()).where(Campaign.state == CampaignState.SCHEDULED)
        unqueued = select(func.count()).where(CampaignRecipient.outbox_id.is_(None), CampaignRecipient.reason.is_(None))
        moving = select(Outbox.campaign_id).where(Outbox.state.in_((OutboxState.QUEUED, OutboxState.SENDING)))
        over = select(func.count()).where(
            Campaign.state == CampaignState.RUNNING, Campaign.id.not_in(moving.where(Outbox.campaign_id.is_not(None)))
        )
        return not any(session.scalar(query) for query in (scheduled, unqueued, over))


def _sent(world: World, tally: Tally, at: datetime, count: int, since: int) -> None:
    """A bot whose clock stands at `at` sends what may be sent then, which shall be `count` messages after `since`."""
    bot = world.start("bot", at=at)
    world.wait(lambda: _working(world, at), 60, "the bot works")
    world.reaches(lambda: count > 0 and len(world.telegram.accepted(since)) >= count, 30 if count else LOOK_S)
    tally.equal(_due_before(world, at), 0, f"messages due at {at:%H:%M} and left")
    tally.equal(bot.stop(), 0, "exit code of the bot")


def _working(world: World, at: datetime) -> bool:
    """Whether a bot whose clock is past `at` has given a sign of life."""
    with world.database.read() as session:
        signs = session.execute(select(Heartbeat.process, Heartbeat.at).where(Heartbeat.process.like("bot%")))
        return any(at <= sign.at < at + timedelta(minutes=1) for sign in signs)


def _due_before(world: World, at: datetime) -> int:
    due = select(func.count()).where(Outbox.state == OutboxState.QUEUED, Outbox.not_before <= at)
    with world.database.read() as session:
        return session.scalar(due) or 0


def _greetings(world: World, day: date, state: GreetingState | None = None) -> list[int]:
    """The chats greeted for their birthday on `day`, or who missed it."""
    with world.database.read() as session:
        mine = select(ChannelAccount.chat_id).join(Greeting, Greeting.customer_id == ChannelAccount.customer_id)
        wanted = mine.where(Greeting.local_date == day, Greeting.occasion == BIRTHDAY)
        found = session.scalars(wanted if state is None else wanted.where(Greeting.state == state))
        return sorted(found)


@case(30, "two schedulers, the leader frozen", tries=5, short=0)
def frozen_leader(world: World, tries: int, dice: random.Random) -> Tally:
    """The leader stands still in the middle of greetings and a broadcast for longer than its lease, and wakes again."""
    tally, chats = Tally(tries=tries), gather(world, PEOPLE)
    world.settings |= WITHOUT_BRAKES | {"TRIAN_LEASE_TTL_S": str(TTL_S), "TRIAN_RETENTION_HOUR": "23"}
    for number in range(tries):
        day = datetime(2026, 3, 2 + number, 9, 0, tzinfo=ZONE)
        world.settings["TRIAN_TIMEZONE"] = str(ZONE)
        _are_born(world, chats, (CalendarKind.SOLAR, day.day, day.month, False))
        broadcast = _due_at(world, f"Lần {number}", day)
        schedulers = [world.start("scheduler", at=day) for _ in range(2)]
        world.wait(lambda day=day: bool(_greetings(world, day.date())), 60, "the greetings have begun")  # type: ignore[misc]
        leader = max(schedulers, key=lambda each: "leading" in each.said())
        _freeze(
            leader,
            dice,
            LONG_FREEZE_S if number and number == tries - 1 else SHORT_FREEZE_S + dice.uniform(0, 2),
            world,
        )
        done = world.reaches(lambda day=day: len(_greetings(world, day.date())) >= PEOPLE, 90)  # type: ignore[misc]
        tally.expect(done, "not everybody was greeted")
        queued = world.reaches(lambda each=broadcast: _queued(world, each) >= min(PEOPLE, 200), 60)  # type: ignore[misc]
        tally.expect(queued, "the broadcast did not go on")
        _each_once(world, tally, day.date(), broadcast)
        for scheduler in schedulers:
            tally.equal(scheduler.stop(), 0, "exit code of a scheduler that was told to stop")
    return tally


def _freeze(leader: Running, dice: random.Random, seconds: float, world: World) -> None:
    world.reaches(lambda: False, dice.uniform(0, 0.6))
    world.freeze(leader)
    world.reaches(lambda: False, seconds)
    leader.thaw()


def _each_once(world: World, tally: Tally, day: date, broadcast: Broadcast) -> None:
    tally.equal(len(_greetings(world, day)), PEOPLE, "greetings")
    with world.database.read() as session:
        wanted = select(Outbox.dedupe_key, Outbox.account_id).where(Outbox.dedupe_key.like(f"greeting:%:{day}"))
        greeted = [row.account_id for row in session.execute(wanted)]
        mine = select(Outbox.account_id).where(Outbox.campaign_id == broadcast.id)
        advertised = list(session.scalars(mine))
    tally.equal(len(greeted), PEOPLE, "messages that greet")
    tally.equal(len(set(greeted)), len(greeted), "people greeted once")
    tally.equal(len(set(advertised)), len(advertised), "people with one advertisement each")
    tally.equal(broadcast.progress().total, PEOPLE, "people of the broadcast")


def _queued(world: World, broadcast: Broadcast) -> int:
    return sum(broadcast.progress().states.values())


@case(31, "29 February, lunar days, the turn of the year", tries=len(DAYS) + 1, short=0)
def calendars(world: World, tries: int, dice: random.Random) -> Tally:
    """Real schedulers and bots on each of the days in turn; the machine's own clock runs in UTC."""
    tally = Tally()
    world.settings |= {"TRIAN_TIMEZONE": str(ZONE), "TRIAN_RETENTION_HOUR": "23", "TZ": "UTC"}
    chats = dict(zip(BORN, gather(world, len(BORN)), strict=True))
    for born, chat in chats.items():
        _are_born(world, [chat], born)
    for moment in sorted([*DAYS, TURN_OF_THE_YEAR]):
        expected = sorted(chats[born] for born, days in BORN.items() if moment.date() in days)
        mark = world.mark()
        for at in (moment, moment + LATER):
            _schedulers_work(world, at, expected)
        tally.equal(_greetings(world, moment.date()), expected, f"greeted on {moment:%d/%m/%Y}")
        _greeted_at(world, tally, moment, expected, mark.call)
        tally.tries += 1
    with world.database.read() as session:
        rows = session.execute(select(Greeting.customer_id, Greeting.local_date)).all()
    tally.equal(len(set(rows)), len(rows), "one greeting a person and day")
    return tally


def _greeted_at(world: World, tally: Tally, moment: datetime, expected: Sequence[int], since: int) -> None:
    """Before eight nothing is sent; from eight on each is greeted once."""
    bot = world.start("bot", at=moment)
    if moment.hour < 8:
        world.wait(lambda: _working(world, moment), 60, "the bot works")
        world.reaches(lambda: bool(world.telegram.accepted(since)), LOOK_S)
        tally.equal(len(world.telegram.accepted(since)), 0, f"sent at {moment:%H:%M}")
    else:
        world.reaches(lambda: {*expected} <= _reached(world, since), 30)
        tally.expect({*expected} <= _reached(world, since), f"nobody was greeted on {moment:%d/%m/%Y}")
    bot.stop()
    for chat in expected:
        tally.equal(len(world.telegram.texts(chat, since)) <= 1, True, f"{chat} greeted once on {moment:%d/%m/%Y}")


def _reached(world: World, since: int) -> set[int]:
    return {int(call["chat_id"]) for call in world.telegram.accepted(since)}
