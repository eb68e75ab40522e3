"""Strange, forged and too many messages (FAULTS.md 7, 10, 12, 13)."""

import itertools
import json
import random
import unicodedata
from collections.abc import Iterator
from typing import Any

import httpx
from sqlalchemy import select

from crm.models.conversations import Conversation, Direction, Message
from crm.models.messaging import ButtonToken, InboundState
from crm.models.people import ChannelAccount
from tests.faults.case import Tally, case
from tests.faults.crowd import Crowd, message_update, press_update
from tests.faults.inbound_cases import SECRET_HEADER, WEBHOOK, inbound_count, webhook_secret, webhook_serves
from tests.faults.strange import ANSWERED, KINDS, TEXTS
from tests.faults.world import TOKEN, World

FIVE_MB = 5_000_000
STALE = "Nút này cũ"
FLOOD = 50
AFTERWARDS = 900_001


@case(7, "webhook: wrong secret, kind, size, JSON", tries=100, short=12)
def bad_posts(world: World, tries: int, dice: random.Random) -> Tally:
    """Refused with the right status, nothing stored, and the next sound one is taken."""
    tally = Tally()
    crowd = Crowd(world, 1)
    world.settings |= WEBHOOK
    world.start("bot")
    world.wait(lambda: webhook_serves(world), 60, "the webhook serves")
    url = f"{world.settings['TRIAN_WEBHOOK_URL']}/telegram"
    posts = itertools.cycle(_bad_posts(dice))
    with httpx.Client(timeout=60) as client:
        for (what, headers, content, wanted), _ in zip(posts, range(tries), strict=False):
            status = client.post(url, headers=headers, content=content).status_code
            tally.equal(status, wanted, what)
            tally.tries += 1
        tally.equal(inbound_count(world), 0, "updates stored")
        sound = {"update_id": 1, **crowd.update(crowd.chats[0])}
        headers = {SECRET_HEADER: webhook_secret(), "Content-Type": "application/json"}
        tally.equal(client.post(url, headers=headers, json=sound).status_code, 200, "a sound update")
    tally.expect(world.settle(60), "it did not come to rest")
    crowd.judge(tally)
    return tally


def _bad_posts(dice: random.Random) -> list[tuple[str, dict[str, Any], bytes, int]]:
    right, kind = {SECRET_HEADER: webhook_secret()}, {"Content-Type": "application/json"}
    wrong = {SECRET_HEADER: webhook_secret()[:-1] + "!"}
    body = json.dumps({"update_id": 7, **message_update(700_001, "tin lạ")}).encode()
    broken = body[: dice.randrange(1, len(body) - 1)]
    return [
        ("no secret", kind, body, 403),
        ("a wrong secret", {**wrong, **kind}, body, 403),
        ("an empty secret", {SECRET_HEADER: "", **kind}, body, 403),
        ("a secret that is no ASCII", {SECRET_HEADER: "bí mật".encode(), **kind}, body, 403),
        ("text/plain", {**right, "Content-Type": "text/plain"}, body, 415),
        ("no kind", right, body, 415),
        ("5 MB", {**right, **kind}, b'{"update_id": 8, "x": "' + b"a" * FIVE_MB + b'"}', 413),
        ("broken JSON", {**right, **kind}, broken, 400),
        ("no JSON at all", {**right, **kind}, b"\xff\x00", 400),
        ("a list", {**right, **kind}, b"[1, 2]", 400),
        ("no update_id", {**right, **kind}, b"{}", 400),
        ("a deep nest", {**right, **kind}, b"[" * 100_000, 400),
    ]  # fmt: skip


@case(10, "stickers, polls, NUL, NFD, 4,096 letters …", tries=40, short=20)
def strange_messages(world: World, tries: int, dice: random.Random) -> Tally:
    """Each kind from a person of its own: one sensible answer, no exception, clean NFC text on record."""
    tally = Tally(tries=tries)
    people = dict(zip(range(700_001, 700_001 + tries), _strange(), strict=False))
    world.telegram.open_chats(TOKEN, [*people, AFTERWARDS])
    world.start("bot")
    for chat in people:
        world.telegram.inject([message_update(chat, "chào shop")])
    tally.expect(world.settle(120), "the greetings did not come to rest")
    since = world.mark()
    for chat, (_, update, _) in people.items():
        world.telegram.inject([update(chat)])
    tally.expect(world.settle(120), "it did not come to rest")
    for chat, (what, _, words) in people.items():
        answers = world.telegram.texts(chat, since.call)
        tally.expect(len(answers) == 1 and words in answers[0], f"{what}: answered {answers!r:.300}")
    tally.equal(inbound_count(world, InboundState.DEAD), 0, "dead letters")
    tally.expect("Traceback" not in world.said("bot"), "an exception in the bot's log")
    _only_clean_text(world, tally)
    _unreadable(world, tally)
    world.audit().into(tally)
    return tally


def _unreadable(world: World, tally: Tally) -> None:
    """A shape of a Bot API to come, which python-telegram-bot cannot read, holds nobody else up."""
    later = message_update(700_001, "")
    del later["message"]["text"]
    later["message"]["poll"] = {"id": "1", "options": ["of another shape"]}
    world.telegram.inject([later, message_update(AFTERWARDS, "ai đó hỏi sau")])
    tally.expect(world.settle(60), "an update that cannot be read holds the others up")
    answered = any("ai đó hỏi sau" in text for text in world.telegram.texts(AFTERWARDS))
    tally.expect(answered, "an update that cannot be read: who wrote after it has no answer")
    tally.tries += 1


def _strange() -> Iterator[tuple[str, Any, str]]:
    """What, a function from the chat to the update, and words of the answer; the whole list again and again."""
    while True:
        for what, (content, words) in KINDS.items():
            yield what, lambda chat, content=content: _with(chat, content), words
        for what, (text, words) in TEXTS.items():
            yield what, lambda chat, text=text: message_update(chat, text), words


def _with(chat: int, content: dict[str, Any]) -> dict[str, Any]:
    update = message_update(chat, "")
    del update["message"]["text"]
    update["message"] |= content
    return update


def _only_clean_text(world: World, tally: Tally) -> None:
    with world.database.read() as session:
        texts = list(session.scalars(select(Message.text).where(Message.direction == Direction.IN)))
    unclean = [text for text in texts if "\0" in text or text != unicodedata.normalize("NFC", text)]
    tally.equal(unclean, [], "texts on record that are not clean NFC")


@case(12, "forged, foreign and expired button tokens", tries=100, short=9)
def forged_buttons(world: World, tries: int, dice: random.Random) -> Tally:
    """Politely refused, the understanding not asked, and a true press of the same button still works."""
    tally = Tally()
    crowd = Crowd(world, 12)
    world.start("bot")
    for chat in crowd.chats:
        world.telegram.write(chat, crowd.text())
    tally.expect(world.settle(60), "the first messages did not come to rest")
    crowd.judge(tally)
    tokens = _tokens_by_chat(world)
    asked = sum(world.rasa.asked.values())
    forgeries = [*_forgeries(tokens, dice)]
    for number in range(tries):
        chat = crowd.chats[number % 10]
        token = forgeries[number % len(forgeries)][1]
        foreign = tokens[crowd.chats[10 + number % 2]]
        world.telegram.inject([press_update(chat, foreign if token is None else token)])
        tally.tries += 1
    tally.expect(world.settle(120), "the presses did not come to rest")
    tally.equal(sum(world.rasa.asked.values()) - asked, 0, "how often the understanding was asked for a forgery")
    refused = [call for call in world.telegram.accepted(crowd.mark.call) if STALE in str(call["text"])]
    tally.equal(len(refused), tries, "polite refusals")
    crowd.judge(tally)
    for chat in crowd.chats:
        world.telegram.inject([press_update(chat, tokens[chat])])
    tally.expect(world.settle(60), "the true presses did not come to rest")
    tally.equal(sum(world.rasa.asked.values()) - asked, len(crowd.chats), "true presses that reached it")
    return tally


def _forgeries(tokens: dict[int, str], dice: random.Random) -> Iterator[tuple[str, str | None]]:
    some = dice.choice(list(tokens.values()))
    yield "foreign", None
    yield "one letter off", some[:-1] + ("A" if some[-1] != "A" else "B")
    yield "an intent", '/inform{"amount":0}'
    yield "empty", ""
    yield "64 bytes", "x" * 64
    yield "SQL", "' OR 1=1 --"
    yield "NUL", "\0"
    yield "emoji", "🙃" * 16
    yield "a thousand letters", "y" * 1000


def _tokens_by_chat(world: World) -> dict[int, str]:
    with world.database.read() as session:
        found = session.execute(
            select(ChannelAccount.chat_id, ButtonToken.token).join(
                ChannelAccount, ChannelAccount.id == ButtonToken.account_id
            )
        )
        return {int(chat): str(token) for chat, token in found}


@case(13, "one person sends 50 messages in 5 s", tries=5, short=0)
def flood(world: World, tries: int, dice: random.Random) -> Tally:
    """Slowed with one notice, nothing of it lost; people who write after all of it are answered before its end."""
    tally = Tally()
    world.telegram.open_chats(TOKEN, [*range(800_001, 800_001 + tries), *range(810_001, 810_001 + 10 * tries)])
    world.start("bot", TRIAN_FLOOD_LIMIT="15")
    for number in range(tries):
        loud = Crowd(world, 1, first=800_001 + number, opened=True)
        calm = Crowd(world, 10, first=810_001 + 10 * number, opened=True)
        since = world.mark()
        chat = loud.chats[0]
        for _ in range(FLOOD):
            world.telegram.write(chat, loud.text())
        for other in calm.chats:
            world.telegram.write(other, calm.text())
        tally.expect(world.settle(240), "it did not come to rest")
        _flooder_waits(world, tally, since.call, chat, calm.chats)
        loud.judge(tally)
        tally.tries += 1
    return tally


def _flooder_waits(world: World, tally: Tally, since: int, chat: int, others: list[int]) -> None:
    calls = world.telegram.accepted(since)
    mine = [number for number, call in enumerate(calls) if call["chat_id"] == chat]
    theirs = [number for number, call in enumerate(calls) if call["chat_id"] in others]
    tally.expect(mine[-1] > theirs[-1], "others were answered only after all 50")
    with world.database.read() as session:
        talk = select(Conversation.id).join(Conversation.account).where(ChannelAccount.chat_id == chat)
        out = select(Message.text).where(Message.conversation_id.in_(talk), Message.direction == Direction.OUT)
        notices = [text for text in session.scalars(out) if ANSWERED not in text]
    tally.equal(len(notices), 2, f"the introduction and one notice: {[text[:60] for text in notices]}")
