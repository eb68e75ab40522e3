"""Faults 19 to 23: what Telegram and the way to it do to a message."""

import random
import time
from functools import partial
from itertools import pairwise

from sqlalchemy import select

from bot.telegram_api import POOL
from crm import clock
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from tests.faults.audience import account_of, gather, queue, rows_of
from tests.faults.case import Tally, case
from tests.faults.telegram import burst
from tests.faults.wire import Manner, Wire
from tests.faults.world import World

KINDS = (OutboxKind.REPLY, OutboxKind.CARE, OutboxKind.MARKETING)
REFUSALS = (
    ("403", "Forbidden: bot was blocked by the user"),
    ("403", "Forbidden: user is deactivated"),
    ("400", "Bad Request: chat not found"),
)
LOST = ("accept_then_hang", "accept_then_504")
ATTEMPTS = 6
FULL = 10  # with so many tries it is the full round: what can only be waited for is waited for
RATE = 25
LIVE_S = 2.0
IN_FLIGHT_S = 0.1  # a call that was under way when the 429 was given out
RAMP_LOOK_S = 5.0
BACKOFFS_S = (2, 4, 8, 16, 32)


@case(19, "429 in the middle of a broadcast", tries=8, short=0)  # decided by times: not for `make test`
def throttled(world: World, tries: int, dice: random.Random) -> Tally:
    """Telegram asks for a pause: none is broken, then it goes slowly again, and who writes in between is answered."""
    tally = Tally(tries=tries)
    chats, live = gather(world, 250 + 170 * tries), gather(world, 3, first=820_000_001)
    queue(world, chats, OutboxKind.MARKETING, "[QC] Giảm giá mùa hè")
    world.start("bot", TRIAN_SEND_RATE=str(RATE))
    world.wait(lambda: len(world.telegram.accepted()) > 2 * RATE, 60, "the broadcast runs")
    for person in live:
        _answered_in(world, person)  # the first answer comes with an introduction
    delays = []
    for _ in range(tries):
        pause_s = dice.randint(1, 4)
        world.telegram.fault("429", method="sendMessage", retry_after=pause_s, skip=dice.randint(0, RATE))
        refused = _wait_for_refusal(world)
        time.sleep(pause_s + dice.uniform(0.2, 1.0))
        delays.append(_answered_in(world, dice.choice(live)))
        world.reaches(partial(_has_passed, world, refused + pause_s + RAMP_LOOK_S), RAMP_LOOK_S + 5)
        _judge_pause(world, tally, refused, pause_s)
    tally.expect(sorted(delays)[len(delays) // 2] < LIVE_S, f"live replies took {[round(d, 1) for d in delays]} s")
    tally.expect(world.settle(180), "the broadcast did not come to its end")
    most = burst([call for call in world.telegram.calls() if call["method"].lower() == "sendmessage"])
    tally.expect(most <= RATE, f"{most} messages in one second, {RATE} are allowed")
    found = world.audit()
    tally.equal(found.count(OutboxState.SENT), len(found.rows), "sent, of all rows")
    found.into(tally)
    return tally


def _wait_for_refusal(world: World) -> float:
    """Until the armed 429 has struck; the simulator's monotonic moment of it."""
    since = world.telegram.last()
    world.wait(lambda: any(c["outcome"] == "429" for c in world.telegram.calls(since)), 30, "the 429 strikes")
    return max(float(c["monotonic"]) for c in world.telegram.calls(since) if c["outcome"] == "429")


def _has_passed(world: World, moment: float) -> bool:
    """Whether there was a call after `moment` of the simulator's monotonic clock."""
    return float(world.telegram.calls()[-1]["monotonic"]) >= moment


def _judge_pause(world: World, tally: Tally, refused: float, pause_s: float) -> None:
    opens = refused + pause_s
    times = [float(c["monotonic"]) for c in world.telegram.calls() if c["method"].lower() == "sendmessage"]
    inside = [round(moment - refused, 3) for moment in times if refused + IN_FLIGHT_S < moment < opens]
    tally.expect(not inside, f"calls inside a pause of {pause_s} s: at {inside[:5]}")
    first = sum(opens <= moment < opens + 1 for moment in times)
    later = sum(opens + RAMP_LOOK_S - 1 <= moment < opens + RAMP_LOOK_S for moment in times)
    tally.expect(first <= RATE // 2, f"{first} calls in the first second after a pause: that is no ramp")
    tally.expect(later > first, f"{later} calls a second after {RAMP_LOOK_S} s, {first} at first: that is no ramp")


def _answered_in(world: World, chat: int) -> float:
    """A person sends a sticker, which needs no understanding; seconds until the answer."""
    began, since = time.monotonic(), world.telegram.last()
    world.telegram.post(f"chats/{chat}/messages", {"sticker": "👍"})
    world.wait(lambda: bool(world.telegram.texts(chat, since)), 30, "a live reply")
    return time.monotonic() - began


@case(20, "blocked, deactivated, chat not found", tries=60, short=6)
def unreachable(world: World, tries: int, dice: random.Random) -> Tally:
    """Each chat refuses in its own way, is left alone, writes again, and is written to again."""
    tally, chats = Tally(tries=tries), gather(world, tries)
    world.start("bot")
    refusing = {chat: dice.choice(REFUSALS) for chat in chats}
    for chat, (kind, words) in refusing.items():
        world.telegram.fault(kind, chat_id=chat, description=words, method="sendMessage", count=9)
    told = queue(world, chats, OutboxKind.CARE, "Bảo hành xong rồi ạ")
    world.settle()
    for row in rows_of(world, list(told.values())):
        tally.equal((row.state, row.attempts), (OutboxState.FAILED, 1), f"row {row.id}, refused")
        tally.expect(bool(row.reason), f"row {row.id} has no reason")
    offered = queue(world, chats, OutboxKind.MARKETING, "[QC] Giảm giá")
    world.settle()
    states = {(row.state, row.reason) for row in rows_of(world, list(offered.values()))}
    tally.equal(states, {(OutboxState.SKIPPED, "unreachable")}, "advertisements to the unreachable")
    calls = [call for call in world.telegram.calls() if call["method"].lower() == "sendmessage"]
    tally.equal(len(calls), tries, "calls, one a chat that refuses")
    world.telegram.clear_faults()
    for chat in chats:
        world.telegram.write(chat, "Mình quay lại rồi")
    world.settle()
    again = queue(world, chats, OutboxKind.CARE, "Phiếu bảo hành đây ạ")
    world.settle()
    tally.equal({row.state for row in rows_of(world, list(again.values()))}, {OutboxState.SENT}, "after they wrote")
    tally.expect(all(account_of(world, chat).reachable for chat in chats), "somebody who wrote is still unreachable")
    world.audit().into(tally)
    return tally


@case(21, "accepted, and the answer is lost", tries=120, short=12)
def answer_lost(world: World, tries: int, dice: random.Random) -> Tally:
    """Telegram takes a message and breaks off before it says so, or a proxy gives up waiting; once or every time."""
    tally, chats = Tally(tries=tries), gather(world, tries)
    world.start("bot")
    world.wait(world.telegram.bot_called, 60, "the bot calls")
    losses = {chat: dice.choice((1, 9)) for chat in chats}
    for chat, count in losses.items():
        delay_s, kind = dice.uniform(0.0, 0.5), dice.choice(LOST)
        world.telegram.fault(kind, method="sendMessage", chat_id=chat, count=count, delay_s=delay_s)
    kinds = {chat: KINDS[number % len(KINDS)] for number, chat in enumerate(chats)}
    ids: dict[int, int] = {}
    for kind in KINDS:
        ids |= queue(world, [chat for chat in chats if kinds[chat] is kind], kind, f"Tin {kind.value}")
    tally.expect(world.settle(), "it did not come to rest")
    found = world.audit()
    for chat, row in zip(chats, rows_of(world, [ids[chat] for chat in chats]), strict=True):
        once = kinds[chat] is OutboxKind.MARKETING
        state = OutboxState.UNKNOWN if once or losses[chat] > 1 else OutboxState.SENT
        what = f"{kinds[chat].value}, answer lost {losses[chat]} times"
        tally.equal((row.state, found.arrivals[row.id]), (state, 1 if once else 2), what)
    found.into(tally)
    return tally


@case(22, "connect and pool time-outs", tries=9, short=0)
def never_sent(world: World, tries: int, dice: random.Random) -> Tally:
    """Nobody listens, connecting hangs, or every connection of the pool is taken: each message arrives once."""
    tally, chats = Tally(tries=tries), gather(world, 12 + POOL + 8)
    few, many = chats[:12], chats[12:]
    wire = Wire(world.telegram.port)
    base = f"http://127.0.0.1:{wire.port}"
    world.start("bot", TRIAN_TELEGRAM_BASE_URL=f"{base}/bot", TRIAN_TELEGRAM_BASE_FILE_URL=f"{base}/file/bot")
    queue(world, few[:1], OutboxKind.CARE, "Thử đường")
    tally.expect(world.settle(), "the bot does not send through the wire")
    for number in range(tries):
        kind = KINDS[number % 2]  # advertising has its daily allowance, and the same way
        match number % 3:
            case 0:
                _outage(world, tally, wire, Manner.REFUSE, queue_to=(few, kind), lasts_s=dice.uniform(1, 6))
            case 1:
                _outage(world, tally, wire, Manner.STUCK, queue_to=(few, kind), lasts_s=dice.uniform(11, 14))
            case 2:
                _taken_pool(world, tally, many, kind)
    wire.close()
    return tally


def _outage(
    world: World, tally: Tally, wire: Wire, manner: Manner, *, queue_to: tuple[list[int], OutboxKind], lasts_s: float
) -> None:
    mark = world.mark()
    wire.turn(manner)
    ids = queue(world, queue_to[0], queue_to[1], f"Trong lúc mạng {manner.value}")
    time.sleep(lasts_s)
    tally.equal(len(world.telegram.accepted(mark.call)), 0, f"accepted while the way is {manner.value}")
    tried = any(row.sending_at is not None for row in rows_of(world, list(ids.values())))
    tally.expect(tried, f"nothing was tried while the way is {manner.value}")
    wire.turn(Manner.OPEN)
    _delivered_once(world, tally, mark, list(ids.values()), manner.value)


def _taken_pool(world: World, tally: Tally, chats: list[int], kind: OutboxKind) -> None:
    """Every connection waits for an answer that comes late; who finds none free was never sent."""
    mark = world.mark()
    for chat in chats[:POOL]:
        world.telegram.fault("slow", method="sendMessage", chat_id=chat, delay_s=9)
    ids = queue(world, chats, kind, "Khi hết đường truyền")
    _delivered_once(world, tally, mark, list(ids.values()), "pool")


def _delivered_once(world: World, tally: Tally, mark: object, ids: list[int], what: str) -> None:
    tally.expect(world.reaches(lambda: _all_final(world, ids), 90), f"{what}: not everything has an end")
    found = world.audit(mark)  # type: ignore[arg-type]
    tally.equal({row.state for row in rows_of(world, ids)}, {OutboxState.SENT}, f"{what}: states")
    tally.equal({found.arrivals[number] for number in ids}, {1}, f"{what}: arrivals")
    found.into(tally)


def _all_final(world: World, ids: list[int]) -> bool:
    moving = (OutboxState.QUEUED, OutboxState.SENDING)
    return not any(row.state in moving for row in rows_of(world, ids))


@case(23, "502 with an HTML body six times", tries=12, short=3)
def bad_gateway(world: World, tries: int, dice: random.Random) -> Tally:
    """Every call to some chats meets a broken front: backed off, given up with the reason; a sixth success counts."""
    tally, chats = Tally(tries=tries), gather(world, tries)
    world.start("bot")
    strikes = {chat: dice.choice((ATTEMPTS, ATTEMPTS - 1)) for chat in chats}
    strikes[chats[0]] = ATTEMPTS
    for chat, count in strikes.items():
        world.telegram.fault("502_html", method="sendMessage", chat_id=chat, count=count)
    ids = queue(world, chats, OutboxKind.CARE, "Qua cổng hỏng")
    waits: dict[int, list[float]] = {number: [] for number in ids.values()}
    if tries < FULL:
        world.wait(lambda: _pushed_to_the_end(world, list(ids.values()), waits), 60, "the attempts come to an end")
    else:
        world.wait(lambda: _all_final(world, list(ids.values())), 150, "the attempts come to an end")
        waits = {number: _waits(world, chat) for chat, number in ids.items()}
    for chat, row in zip(chats, rows_of(world, list(ids.values())), strict=True):
        given_up = strikes[chat] == ATTEMPTS
        state = OutboxState.FAILED if given_up else OutboxState.SENT
        tally.equal((row.state, row.attempts), (state, ATTEMPTS), f"row {row.id} after {strikes[chat]} times 502")
        tally.expect(bool(row.reason) or not given_up, f"row {row.id} was given up without a reason")
        tally.equal(len(waits[row.id]), len(BACKOFFS_S), f"row {row.id}: waits between its calls")
        early = [wait for wait, least in zip(waits[row.id], BACKOFFS_S, strict=False) if wait < 0.9 * least]
        tally.expect(not early, f"row {row.id} was tried again too soon: {waits[row.id]}")
    world.audit().into(tally)
    return tally


def _waits(world: World, chat: int) -> list[float]:
    """Seconds between the calls to a chat, as Telegram saw them."""
    times = [float(call["monotonic"]) for call in world.telegram.calls() if call["chat_id"] == chat]
    return [later - sooner for sooner, later in pairwise(times)]


def _pushed_to_the_end(world: World, ids: list[int], waits: dict[int, list[float]]) -> bool:
    """Notes how long each row is put off and makes it due at once: a minute of backing off in the short round."""
    with world.database.begin() as session:
        for row in session.scalars(select(Outbox).where(Outbox.id.in_(ids), Outbox.state == OutboxState.QUEUED)):
            if row.attempts > len(waits[row.id]) and row.sending_at is not None:
                waits[row.id].append((row.not_before - row.sending_at).total_seconds())
                row.not_before = clock.now()
    return _all_final(world, ids)
