"""Updates in: killed, repeated, renumbered, reversed, piled up, and two bots at once (FAULTS.md 1–6)."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import func, select, update

from crm import clock
from crm.models.messaging import ButtonToken, Inbound, InboundState
from crm.settings import Settings
from tests.faults.case import Tally, case
from tests.faults.crowd import Crowd, press_update
from tests.faults.rooms import Running
from tests.faults.telegram import burst
from tests.faults.world import SECRET, TOKEN, World

PENDING = 300
ROUND = 20
PEOPLE = 30
LAST = 12
LIVES_S = 1.6
TOGETHER, EACH = 10, 20
WEBHOOK = {"TRIAN_TELEGRAM_MODE": "webhook"}
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
DRAIN_S = 400.0
BETWEEN_S = 0.2  # the first of them is long taken by then, if nothing keeps it back


def webhook_secret() -> str:
    """What Telegram shows the bot in webhook mode."""
    return Settings(shared_secret=SecretStr(SECRET)).derived_secret("telegram-webhook")


def post_update(world: World, body: dict[str, Any], client: httpx.Client | None = None) -> int:
    """Brings one update by webhook, as Telegram would; the status."""
    url = f"{world.settings['TRIAN_WEBHOOK_URL']}/telegram"
    headers = {SECRET_HEADER: webhook_secret()}
    post = client.post if client else httpx.post
    return post(url, json=body, headers=headers, timeout=60).status_code


def webhook_serves(world: World) -> bool:
    """Whether the webhook's port is open."""
    try:
        httpx.get(world.settings["TRIAN_WEBHOOK_URL"], timeout=5)
    except httpx.HTTPError:
        return False
    return True


def inbound_count(world: World, *states: InboundState) -> int:
    """Rows of the inbox, in these states or all."""
    with world.database.read() as session:
        wanted = select(func.count()).select_from(Inbound)
        return session.scalar(wanted.where(Inbound.state.in_(states)) if states else wanted) or 0


@case(1, "SIGKILL of bot, 300 updates pending", tries=100, short=4)
def killed_with_updates_pending(world: World, tries: int, dice: random.Random) -> Tally:
    """One life of the bot a try, ended at a random moment of its first seconds. Judged every ROUND lives.

    In every other round a second bot lives on beside the dying ones. The last of a round dies over the last updates,
    when nothing more comes in that would remind its successor of them.
    """
    tally = Tally()
    crowd = Crowd(world, PEOPLE)
    while tally.tries < tries:
        if tally.tries % (2 * ROUND) == ROUND:
            world.start("bot")
        crowd.write(PENDING - _waiting(world), dice)
        bot = world.start("bot")
        time.sleep(dice.uniform(0.0, LIVES_S))
        world.kill(bot)
        tally.tries += 1
        if tally.tries % ROUND == 0 or tally.tries == tries:
            _die_over_the_last(world)
            tally.expect(world.settle(DRAIN_S), "it did not come to rest")
            for living in [running for running in world.processes if running.name == "bot"]:
                living.stop()
            crowd.judge(tally)
    return tally


def _waiting(world: World) -> int:
    return inbound_count(world, InboundState.PENDING) + world.telegram.pending()


def _die_over_the_last(world: World) -> None:
    bot = world.start("bot")
    world.wait(lambda: _waiting(world) <= LAST, DRAIN_S, "few updates are left")
    world.kill(bot)
    world.start("bot")


@case(2, "the same update three times, both ways", tries=100, short=10)
def delivered_three_times(world: World, tries: int, dice: random.Random) -> Tally:
    """Half of the updates by polling, half by webhook, there all three at the same moment."""
    tally = Tally(tries=tries)
    crowd = Crowd(world, 10)
    bot = world.start("bot")
    crowd.write(tries // 2, dice)
    for _ in range(2):
        tally.expect(world.settle(60), "polling did not come to rest")
        world.telegram.post("redeliver", {"count": tries // 2})
    tally.expect(world.settle(60), "polling did not come to rest")
    bot.stop()
    world.settings |= WEBHOOK
    world.start("bot")
    world.wait(lambda: webhook_serves(world), 60, "the webhook serves")
    first = dice.randrange(10**9, 2 * 10**9)
    bodies = [{"update_id": first + n, **crowd.update(dice.choice(crowd.chats))} for n in range(tries - tries // 2)]
    with ThreadPoolExecutor(9) as pool:
        statuses = list(pool.map(lambda body: post_update(world, body), [body for body in bodies for _ in range(3)]))
    tally.equal(set(statuses), {200}, "the webhook's answers")
    tally.expect(world.settle(60), "the webhook did not come to rest")
    tally.equal(inbound_count(world), tries, "rows of the inbox")
    crowd.judge(tally)
    tally.equal(max(world.rasa.asked.values()), 1, "how often one turn was put to the understanding")
    return tally


@case(3, "update_id restarts at a low number", tries=20, short=0)
def numbers_restart(world: World, tries: int, dice: random.Random) -> Tally:
    """A few updates under high numbers, all handled, then the numbering begins anew; the bot runs on.

    The first half by polling; the second by webhook, where of two of one person the later one comes first.
    """
    tally = Tally()
    crowd = Crowd(world, 5)
    base, heard = 2_000_000_000, 0
    bot = world.start("bot")
    for number in range(tries):
        base -= dice.randrange(10_000, 80_000_000)
        if number == (tries + 1) // 2:
            bot.stop()
            world.settings |= WEBHOOK
            world.start("bot")
            world.wait(lambda: webhook_serves(world), 60, "the webhook serves")
        if number < (tries + 1) // 2:
            world.telegram.inject([crowd.update(chat) for chat in crowd.chats], next_update_id=base)
            heard += len(crowd.chats)
        else:
            heard += _later_ones_first(world, crowd, base, tally)
        tally.expect(world.settle(60), f"numbers from {base}: it did not come to rest")
        crowd.judge(tally)
        tally.tries += 1
    tally.equal(inbound_count(world, InboundState.DONE), heard, "updates handled")
    return tally


def _later_ones_first(world: World, crowd: Crowd, base: int, tally: Tally) -> int:
    """Two updates of each person, their numbers one after the other, the second ones posted first; how many.

    As Telegram does, it does not wait for the answers to the second ones before it posts the first ones.
    """
    chats = [chat for chat in crowd.chats for _ in range(2)]
    bodies = [{"update_id": base + place, **crowd.update(chat)} for place, chat in enumerate(chats)]
    with httpx.Client() as client, ThreadPoolExecutor(len(bodies)) as pool:
        posted = [pool.submit(post_update, world, body, client) for body in bodies[1::2]]
        time.sleep(BETWEEN_S)
        posted += [pool.submit(post_update, world, body, client) for body in bodies[::2]]
    tally.equal({each.result() for each in posted}, {200}, "the webhook's answers")
    return len(bodies)


@case(4, "messages and presses, parallel, reversed", tries=10_000, short=200)
def reversed_arrivals(world: World, tries: int, dice: random.Random) -> Tally:
    """While each person's first message is being thought about, their others arrive by webhook in wild order.

    As many people at a time as are surely served side by side; of each one's updates a third are presses.
    """
    tally = Tally()
    world.settings["TRIAN_RASA_TIMEOUT_S"] = "120"
    world.telegram.open_chats(TOKEN, range(700_001, 700_001 + tries // EACH))
    world.settings |= WEBHOOK
    world.start("bot")
    world.wait(lambda: webhook_serves(world), 60, "the webhook serves")
    number = dice.randrange(10**8, 10**9)
    while tally.tries < tries:
        crowd = Crowd(world, TOGETHER, first=700_001 + tally.tries // EACH, opened=True)
        number = _wild_order(world, crowd, dice, number, EACH, tally)
        tally.tries += TOGETHER * EACH
    return tally


def _wild_order(world: World, crowd: Crowd, dice: random.Random, number: int, each: int, tally: Tally) -> int:
    asked = len(world.rasa.asked)
    with httpx.Client() as client:
        heads = [{"update_id": number + n, **crowd.update(chat)} for n, chat in enumerate(crowd.chats)]
        for head in heads:
            post_update(world, head, client)
        world.wait(lambda: len(world.rasa.asked) >= asked + len(heads), 60, "the first messages are answered")
        tally.expect(world.settle(60), "the first answers did not come to rest")
        tokens = _tokens(world)
        world.rasa.gate.clear()
        others = _others(crowd, dice, number + len(heads), each - 1, tokens)
        waiting = others[: len(crowd.chats)]
        for body in waiting:
            post_update(world, body, client)
        late = others[len(crowd.chats) :]
        late.reverse()
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda body: post_update(world, body, client), late))
    world.rasa.gate.set()
    tally.expect(world.settle(120), "it did not come to rest")
    tally.equal(inbound_count(world, InboundState.PENDING, InboundState.DEAD), 0, "updates not handled")
    crowd.judge(tally)
    return number + len(crowd.chats) * each


def _others(crowd: Crowd, dice: random.Random, number: int, each: int, tokens: dict[int, str]) -> list[dict[str, Any]]:
    bodies = []
    for turn in range(each):
        for place, chat in enumerate(crowd.chats):
            pressed = turn and dice.random() < 1 / 3
            body = press_update(chat, tokens[chat]) if pressed else crowd.update(chat)
            bodies.append({"update_id": number + turn * len(crowd.chats) + place, **body})
    return bodies


def _tokens(world: World) -> dict[int, str]:
    """A button that each chat was given."""
    found = {}
    for call in world.telegram.accepted():
        for row in (call["markup"] or {}).get("inline_keyboard", []):
            found[call["chat_id"]] = row[0]["callback_data"]
    return found


@case(5, "bot down, thousands waiting, stale buttons", tries=5_000, short=0)
def thousands_waiting(world: World, tries: int, dice: random.Random) -> Tally:
    """The product's own rate against Telegram's limits, which answer 429 to whatever is too much."""
    tally = Tally(tries=tries)
    world.limit_rates()
    world.settings |= {"TRIAN_SEND_RATE": "25", "TRIAN_CHAT_GAP_S": "1.0"}
    crowd = Crowd(world, max(20, tries // 20))
    bot = world.start("bot")
    greeted = crowd.chats[:10]
    for chat in greeted:
        world.telegram.write(chat, crowd.text())
    tally.expect(world.settle(60), "the first messages did not come to rest")
    bot.stop()
    tokens = _let_buttons_expire(world)
    stale = [press_update(chat, tokens[chat]) for chat in greeted]
    crowd.write(tries - len(stale), dice)
    world.telegram.inject(stale)
    world.start("bot")
    tally.expect(world.settle(tries / 25 * 2 + 60), "it did not come to rest")
    crowd.judge(tally)
    refused = [call for call in world.telegram.calls() if call["outcome"] == "429"]
    tally.expect(len(refused) <= tries / 100, f"{len(refused)} calls refused with 429: a storm")
    tally.expect(burst(world.telegram.accepted()) <= 25, "more than 25 messages in a second")
    polite_words = [chat for chat in greeted if any("Nút này cũ" in text for text in world.telegram.texts(chat))]
    tally.equal(polite_words, greeted, "who was told that the button is old")
    return tally


def _let_buttons_expire(world: World) -> dict[int, str]:
    tokens = _tokens(world)
    with world.database.begin() as session:
        session.execute(update(ButtonToken).values(expires_at=clock.now() - timedelta(minutes=10)))
    return tokens


@case(6, "a second bot on the same token", tries=20, short=0)
def second_bot(world: World, tries: int, dice: random.Random) -> Tally:
    """It says that it stands by; nothing of the first one's work suffers; when the first dies, it takes over."""
    tally = Tally()
    crowd = Crowd(world, 10)
    first = world.start("bot")
    crowd.write(5, dice)
    tally.expect(world.settle(60), "the first bot alone did not come to rest")
    for _ in range(tries):
        second = world.start("bot")
        stands_by = world.reaches(partial(_stands_by, second), 30)
        tally.expect(stands_by, "the second does not say that it stands by")
        crowd.write(20, dice)
        tally.expect(world.settle(60), "two bots did not come to rest")
        crowd.judge(tally)
        tally.expect("another program fetches" not in first.said() + second.said(), "they fetch at the same time")
        tally.expect(first.alive and second.alive, "one of them ended")
        crowd.write(20, dice)
        time.sleep(dice.uniform(0, 0.5))
        world.kill(first)
        tally.expect(world.settle(60), "the second did not take over")
        crowd.judge(tally)
        first = second
        tally.tries += 1
    return tally


def _stands_by(bot: Running) -> bool:
    return "stand" in bot.said()
