"""Telegram out of reach (FAULTS.md 8, 9)."""

import random
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import select, update

from crm import clock, outbox
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Purpose
from crm.outbox import Content
from tests.faults.audience import gather, writing
from tests.faults.case import Tally, case
from tests.faults.crowd import Crowd
from tests.faults.rooms import HOST, HOSTS, Running
from tests.faults.telegram import burst
from tests.faults.wire import Manner, Wire
from tests.faults.world import World

RESTARTS_WITHIN_S = 90.0
RATE = 25
ROUNDS = 12
NO_DNS, DNS_LOST = "no DNS at the start", "DNS lost while it runs"
OUTAGES = (Manner.REFUSE, Manner.RESET, NO_DNS, DNS_LOST)
KNOWN_S = 11.0  # so long what DNS said is believed
SAYS_SO = ("no contact with Telegram", "waiting for Telegram", "polling")


@case(8, "the connection to Telegram goes silent", tries=2, short=0)
def silent(world: World, tries: int, dice: random.Random) -> Tally:
    """By turns: one long poll is never answered, and every connection is dead while nothing is cut."""
    tally = Tally()
    wire = Wire(world.telegram.port)
    crowd = Crowd(world, 10)
    bot = world.start("bot", TRIAN_TELEGRAM_BASE_URL=f"http://127.0.0.1:{wire.port}/bot")
    for number in range(tries):
        crowd.write(10, dice)
        tally.expect(world.settle(60), "it did not come to rest before")
        said = len(bot.said())
        if number % 2:
            wire.turn(Manner.SILENT)
        else:
            world.telegram.fault("hang", method="getUpdates")
            crowd.write(1, dice)  # ends the poll under way: the next one hangs
            time.sleep(1)
        crowd.write(20, dice)
        spoke = world.reaches(partial(_says_so, bot, said), RESTARTS_WITHIN_S)
        tally.expect(spoke, "it does not say that Telegram is silent")
        wire.turn(Manner.OPEN)
        tally.expect(world.settle(60), "polling did not begin again")
        crowd.judge(tally)
        tally.tries += 1
    wire.close()
    return tally


def _says_so(bot: Running, since: int) -> bool:
    return any(words in bot.said()[since:] for words in SAYS_SO)


@case(9, "Telegram unreachable for hours", tries=8, short=0)
def unreachable(world: World, tries: int, dice: random.Random) -> Tally:
    """Refused, reset, no DNS when it starts, DNS lost while it runs.

    The hours are the back-off's: its waits are let pass, a dozen of them.
    """
    tally = Tally()
    wire = Wire(world.telegram.port)
    reachable, hosts = f"http://{HOST}:{wire.port}/bot", world.var / "hosts"
    hosts.touch()
    world.settings[HOSTS] = str(hosts)
    world.settings["TRIAN_SEND_RATE"] = str(RATE)
    chats = gather(world, 60)
    crowd = Crowd(world, 10)
    bot = world.start("bot", TRIAN_TELEGRAM_BASE_URL=reachable)
    for number in range(tries):
        outage = OUTAGES[number % len(OUTAGES)]
        crowd.write(5, dice)
        tally.expect(world.settle(60), "it did not come to rest before")
        since = world.mark()
        if outage == NO_DNS:
            bot.stop()
            hosts.unlink()
            bot = world.start("bot", TRIAN_TELEGRAM_BASE_URL=reachable)
        elif outage == DNS_LOST:
            _lose_dns(hosts, wire)
        else:
            wire.turn(Manner(outage))
        expiring = _queue(world, chats, number)
        crowd.write(20, dice)
        _let_hours_pass(world)
        tally.equal(len(world.telegram.accepted(since.call)), 0, f"{outage}: messages accepted meanwhile")
        hosts.touch()
        wire.turn(Manner.OPEN)
        tally.expect(world.reaches(lambda: _hurried_to_rest(world), 120), f"{outage}: it did not come to rest")
        tally.equal(_states(world, expiring), {OutboxState.EXPIRED}, f"{outage}: what expired meanwhile")
        calls = world.telegram.accepted(since.call)
        tally.expect(burst(calls) <= RATE, f"{outage}: {burst(calls)} messages in one second afterwards")
        audit = crowd.judge(tally)
        tally.equal(audit.count(OutboxState.FAILED), 0, f"{outage}: rows given up")
        tally.tries += 1
    wire.close()
    return tally


def _lose_dns(hosts: Path, wire: Wire) -> None:
    """The name is not found any more; connections and answers from before are let run out behind a closed door."""
    hosts.unlink()
    wire.turn(Manner.REFUSE)
    time.sleep(KNOWN_S)
    wire.turn(Manner.OPEN)


def _queue(world: World, chats: list[int], number: int) -> list[int]:
    """A care message to each of `chats`; every third is worthless in two seconds. Returns the ids of these."""
    expiring = []
    with writing(world) as session:
        for place, account in enumerate(
            session.scalars(select(ChannelAccount).where(ChannelAccount.chat_id.in_(chats)))
        ):
            until = clock.now() + timedelta(seconds=2) if place % 3 == 0 else None
            content = Content(f"Shop xin báo tin {account.chat_id} lần {number} ạ.")
            row = outbox.enqueue(
                session, account, content, kind=OutboxKind.CARE, purpose=Purpose.SERVICE, expires_at=until
            )
            if row is not None and until is not None:
                expiring.append(row.id)
    return expiring


def _let_hours_pass(world: World) -> None:
    for _ in range(ROUNDS):
        time.sleep(1)
        _hurry(world)


def _hurry(world: World) -> None:
    """The waits of the back-off are over."""
    moment = clock.now()
    waiting = update(Outbox).where(Outbox.state == OutboxState.QUEUED, Outbox.not_before > moment)
    with world.database.begin() as session:
        session.execute(waiting.values(not_before=moment))


def _hurried_to_rest(world: World) -> bool:
    _hurry(world)
    return world.settle(1)


def _states(world: World, numbers: list[int]) -> set[OutboxState]:
    with world.database.read() as session:
        return set(session.scalars(select(Outbox.state).where(Outbox.id.in_(numbers))))
