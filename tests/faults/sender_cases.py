"""Faults 24 to 26: senders that die, that are several, and that stand still."""

import random
import time
from collections.abc import Callable

from sqlalchemy import func, select

from crm.models.messaging import Outbox, OutboxKind, OutboxState
from tests.faults.audience import gather, queue, rows_of
from tests.faults.broadcast import WITHOUT_BRAKES, Broadcast, advertisements, sending
from tests.faults.case import Tally, case
from tests.faults.rooms import Running
from tests.faults.telegram import burst, wait_for_calls
from tests.faults.world import World

RATE = 25
PEOPLE = 2000
A_TRY = 15  # people of each broadcast: some ten are sent to before a kill, some ten were claimed ahead
SLOW_S = 3.0
MOST_BROADCASTS = 2  # three advertisements a day are legal, and one is kept for what is sent again
LOW = 60
DIES_WITHIN_S = 60
SHORT_TTL_S = 3
LONG_FREEZE_S = 120.0
FULL = 10


@case(24, "SIGKILL of the sender around the call", tries=200, short=4)  # 50 of each of KILLS
def killed_sender(world: World, tries: int, dice: random.Random) -> Tally:
    """Broadcasts to the same people; their senders die before, during and after a call, by turns, and anywhere."""
    tally, people = Tally(), max(PEOPLE, A_TRY * tries) if tries >= FULL else 40 * tries
    gather(world, people)
    world.settings |= WITHOUT_BRAKES | {"TRIAN_SEND_RATE": str(RATE)}
    world.start("scheduler")
    broadcasts, in_flight = [_next(world, people)], 0
    for number in range(tries):
        if broadcasts[-1].progress().remaining < LOW and len(broadcasts) < MOST_BROADCASTS:
            broadcasts.append(_next(world, people))
        KILLS[number % len(KILLS)](world, dice)
        in_flight += len(sending(world))
        tally.tries += 1
    world.start("bot", TRIAN_SEND_RATE="0")
    for broadcast in broadcasts:
        tally.expect(world.reaches(broadcast.over, 180), "a broadcast did not come to its end")
        now = broadcast.counts_add_up(tally, people, "at the end")
        tally.equal(now.done, people, "people who are done with")
    time.sleep(SLOW_S)  # Telegram may take a call whose caller was killed so long after
    found = world.audit()
    found.into(tally)
    tally.expect(
        len(found.unknown) <= in_flight,
        f"{len(found.unknown)} unknown, but {in_flight} were in flight at the kills: {_reasons(world)}",
    )
    listed = sum(each.progress().states.get(OutboxState.UNKNOWN, 0) for each in broadcasts)
    tally.equal(listed, len(found.unknown), "people whom the broadcasts list as unknown")
    _send_unknown_again(world, tally, broadcasts[0])
    return tally


def _reasons(world: World) -> dict[str | None, int]:
    """Why messages are unknown, and how many."""
    with world.database.read() as session:
        unknown = select(Outbox.reason, func.count()).where(Outbox.state == OutboxState.UNKNOWN)
        return dict(session.execute(unknown.group_by(Outbox.reason)).all())


def _next(world: World, people: int) -> Broadcast:
    broadcast = Broadcast(world, "Giảm giá cho {name}")
    world.wait(lambda: broadcast.progress().total == people, 60, "the broadcast runs")
    return broadcast


def _send_unknown_again(world: World, tally: Tally, broadcast: Broadcast) -> None:
    """A person's choice: each of them gets another message, and nobody else does."""
    mark, unknown = world.mark(), broadcast.progress().states.get(OutboxState.UNKNOWN, 0)
    tally.equal(broadcast.send_unknown_again(), unknown, "people to whom it is sent again")
    if unknown:
        tally.expect(world.reaches(broadcast.over, 60), "sending again did not come to its end")
    tally.equal(len(advertisements(world, mark.call)), unknown, "messages sent again")
    tally.equal(broadcast.progress().states.get(OutboxState.UNKNOWN, 0), 0, "still unknown")
    again = world.audit(mark)
    tally.expect(not again.doubled, f"doubled when sent again: {again.doubled}")


def _before(world: World, dice: random.Random) -> None:
    """The row is committed as being sent, the call not made."""
    _dies_by_itself(world, dice, dice.choice(("delivery.claimed", "delivery.before_call")))


def _during(world: World, dice: random.Random) -> None:
    """The call is under way: Telegram has it in hand, has taken it or has not."""
    kind = dice.choice(("hang", "slow", "accept_then_hang"))
    fault = world.telegram.fault(kind, method="sendMessage", skip=dice.randint(0, 20), delay_s=SLOW_S)
    sender = world.start("bot")
    world.wait(lambda: fault not in _armed(world), 60, f"the fault {kind} strikes")
    time.sleep(dice.uniform(0, 0.1))
    world.kill(sender)
    world.reaches(lambda: not world.telegram.get("faults"), 1)


def _after(world: World, dice: random.Random) -> None:
    """Telegram has taken the message and said so; the outcome is not committed."""
    _dies_by_itself(world, dice, "delivery.after_call")


def _anywhere(world: World, dice: random.Random) -> None:
    sender, began = world.start("bot"), world.telegram.last()
    world.wait(lambda: world.telegram.last() > began, 60, "the sender sends")
    time.sleep(dice.uniform(0, 0.4))
    world.kill(sender)


KILLS: tuple[Callable[[World, random.Random], None], ...] = (_before, _during, _after, _anywhere)


def _dies_by_itself(world: World, dice: random.Random, point: str) -> None:
    sender = world.start("bot", TRIAN_CRASH_AT=f"{point}:{dice.randint(1, 20)}")
    died = world.reaches(lambda: not sender.alive, DIES_WITHIN_S)
    world.kill(sender)
    if not died:
        raise AssertionError(f"the sender did not come to {point}: {sender.said()[-300:]}")


def _armed(world: World) -> list[int]:
    return [int(fault["id"]) for fault in world.telegram.get("faults")]


@case(25, "two or three senders on one database", tries=6, short=0)  # decided by times: not for `make test`
def several(world: World, tries: int, dice: random.Random) -> Tally:
    """Their share of one queue, each message once, and one limit for them all."""
    tally = Tally(tries=tries)
    seconds = 12 if tries >= FULL // 2 else 6
    for number in range(tries):
        chats = gather(world, RATE * seconds, first=810_000_001 + 10_000 * number)
        mark = world.mark()
        ids = queue(world, chats, OutboxKind.MARKETING, "[QC] Hàng mới về")
        senders = [world.start("bot", TRIAN_SEND_RATE=str(RATE)) for _ in range(2 + number % 2)]
        tally.expect(world.settle(seconds * 4 + 30), "they did not come to the end of it")
        rows = rows_of(world, list(ids.values()))
        tally.equal({row.state for row in rows}, {OutboxState.SENT}, "states")
        found = world.audit(mark)
        tally.equal(len(found.doubled), 0, "messages sent twice")
        tally.equal(len({row.fence for row in rows}), len(senders), "senders that took part")
        most = burst([call for call in world.telegram.calls(mark.call) if call["method"].lower() == "sendmessage"])
        tally.expect(most <= RATE, f"{most} messages in one second by {len(senders)} senders, {RATE} are allowed")
        found.into(tally)
        for sender in senders:
            tally.equal(sender.stop(), 0, "exit code of a sender that was told to stop")
    return tally


@case(26, "a sender frozen, overtaken, thawed", tries=16, short=1)
def frozen(world: World, tries: int, dice: random.Random) -> Tally:
    """One of two senders stands still for longer than its lease; the last time in the full round for two minutes."""
    tally = Tally(tries=tries)
    for number in range(tries):
        long = tries >= FULL and number == tries - 1
        ttl_s = 15 if long else SHORT_TTL_S
        chats = gather(world, RATE * 12, first=810_000_001 + 10_000 * number)
        world.settings |= {"TRIAN_SEND_RATE": str(RATE), "TRIAN_LEASE_TTL_S": str(ttl_s)}
        mark = world.mark()
        kinds = (OutboxKind.MARKETING, OutboxKind.CARE)
        queue(world, chats[::2], kinds[0], "[QC] Mùa mưa")
        queue(world, chats[1::2], kinds[1], "Lịch bảo trì")
        senders = [world.start("bot") for _ in range(2)]
        wait_for_calls(world.telegram, mark.call, RATE)
        _freeze_one(world, tally, dice, senders, LONG_FREEZE_S if long else ttl_s * dice.uniform(1.8, 2.5))
        tally.expect(world.settle(60), "they did not come to the end of it")
        world.audit(mark).into(tally)
        for sender in senders:
            sender.stop()
    return tally


def _freeze_one(world: World, tally: Tally, dice: random.Random, senders: list[Running], seconds: float) -> None:
    """Freezes one at a moment when it has calls under way, until its work was taken over, and judges what it does."""
    victim = dice.choice(senders)
    for _ in range(dice.randint(1, 4)):
        world.telegram.fault("slow", method="sendMessage", delay_s=dice.uniform(0.2, 1.5))
    time.sleep(dice.uniform(0.1, 1.0))
    world.freeze(victim)
    held = [row.id for row in sending(world)]
    time.sleep(seconds)
    overtaken = {row.id: row.state for row in rows_of(world, held) if row.state is not OutboxState.SENDING}
    thawed = time.time()
    victim.thaw()
    time.sleep(3)
    final = {number: state for number, state in overtaken.items() if state is OutboxState.UNKNOWN}
    rewritten = [row.id for row in rows_of(world, list(final)) if row.state is not OutboxState.UNKNOWN]
    tally.expect(not rewritten, f"a late write was not rejected: rows {rewritten}")
    stale = [c for c in advertisements(world) if c["time"] > thawed and c["chat_id"] in _chats(world, list(final))]
    tally.expect(
        not stale, f"sent after it was overtaken: {[(c['chat_id'], round(c['time'] - thawed, 3)) for c in stale]}"
    )


def _chats(world: World, ids: list[int]) -> set[int]:
    with world.database.read() as session:
        return {row.account.chat_id for row in session.scalars(select(Outbox).where(Outbox.id.in_(ids)))}
