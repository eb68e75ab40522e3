"""Scripted people: a list of steps played against the bot, and the transcript of what was said."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from pydantic import BaseModel, Field, model_validator

from simulator import customers
from simulator.state import Bot, Chat, Message, Person, Query, World

Json = dict[str, Any]
_ACTS = ("start", "say", "press", "expect", "expect_answer", "photo", "sticker", "location", "contact", "block",
         "unblock", "sleep_s")  # fmt: skip
_KINDS = ("photo", "voice", "sticker", "location", "contact")


class Step(BaseModel):
    """One step; exactly one of the acts. `expect`, `press` and `expect_answer` wait up to `timeout_s` seconds.

    `expect` is a regular expression searched in each message the bot wrote or edited since the last act of the person
    or the last match. `press` is a button's title, `expect_answer` a pattern for answerCallbackQuery's text.
    """

    start: str | None = None
    say: str | None = None
    press: str | None = None
    expect: str | None = None
    expect_answer: str | None = None
    photo: str | None = None
    sticker: str | None = None
    location: dict[str, float] | None = None
    contact: str | None = None
    block: bool | None = None
    unblock: bool | None = None
    sleep_s: float | None = Field(default=None, ge=0, le=30)
    timeout_s: float = Field(default=5, ge=0, le=120)

    @model_validator(mode="after")
    def _one_act(self) -> Step:
        if len(self.model_fields_set & set(_ACTS)) != 1:
            raise ValueError(f"a step is exactly one of {', '.join(_ACTS)}")
        for pattern in (self.expect, self.expect_answer):
            if pattern is not None:
                re.compile(pattern)
        return self

    def content(self, world: World, person: Person) -> Json | None:
        """The message this step sends, None for a step that sends none."""
        if self.say is not None:
            return customers.text_content(self.say)
        if self.start is not None:
            return customers.text_content(f"/start {self.start}")
        if self.photo is not None:
            return customers.photo_content(world, None, self.photo)
        if self.sticker is not None:
            return customers.sticker_content(world, self.sticker)
        if self.location is not None:
            return {"location": self.location}
        if self.contact is not None:
            return customers.contact_content(person, self.contact)
        return None


class Script(BaseModel):
    user_id: int
    steps: list[Step]


class _Failed(Exception):
    """A step that did not come true; the text says what was there instead."""


class _Player:
    def __init__(self, world: World, bot: Bot, person: Person) -> None:
        self.world, self.bot, self.person = world, bot, person
        self.seen = self.chat.last_rev()
        self.query: Query | None = None

    @property
    def chat(self) -> Chat:
        return self.bot.chats.get(self.person.id) or Chat(self.person.id)

    def _news(self) -> list[Message]:
        fresh = [m for m in self.chat.messages.values() if m.from_bot and not m.deleted and m.rev > self.seen]
        return sorted(fresh, key=lambda m: m.rev)

    async def play(self, step: Step) -> None:
        """Does one step; _Failed or Impossible when it cannot be."""
        content = step.content(self.world, self.person)
        if content is not None:
            self.seen = customers.send(self.world, self.bot, self.person, content).rev
        elif step.expect is not None:
            await self._expect(step.expect, step.timeout_s)
        elif step.press is not None:
            await self._press(step.press, step.timeout_s)
        elif step.expect_answer is not None:
            await self._expect_answer(step.expect_answer, step.timeout_s)
        elif step.sleep_s is not None:
            await asyncio.sleep(step.sleep_s)
        else:
            customers.set_blocked(self.world, self.bot, self.person, bool(step.block))

    async def _expect(self, pattern: str, timeout_s: float) -> None:
        def match() -> Message | None:
            return next((m for m in self._news() if re.search(pattern, m.text())), None)

        if not await self.world.pulse.until(lambda: match() is not None, timeout_s):
            got = [m.text() for m in self._news()]
            raise _Failed(f"nothing matched {pattern!r} within {timeout_s} s; the bot wrote {got!r}")
        found = match()
        self.seen = found.rev if found else self.seen

    async def _press(self, title: str, timeout_s: float) -> None:
        await self.world.pulse.until(lambda: self._button(title) is not None, timeout_s)
        found = self._button(title)
        if found is not None:
            self.seen = self.world.rev
            self.query = customers.press(self.world, self.bot, self.person, found[0].id, found[1])
        elif title in self._reply_keyboard():
            content = customers.text_content(title)
            self.seen = customers.send(self.world, self.bot, self.person, content).rev
        else:
            raise _Failed(f"no button {title!r} within {timeout_s} s")

    def _button(self, title: str) -> tuple[Message, Json] | None:
        return customers.find_button(self.bot, self.person, title)

    def _reply_keyboard(self) -> list[str]:
        return [button["text"] for row in (self.chat.keyboard or {}).get("keyboard", []) for button in row]

    async def _expect_answer(self, pattern: str, timeout_s: float) -> None:
        query = self.query
        if query is None:
            raise _Failed("no button was pressed before")
        await self.world.pulse.until(lambda: query.answer is not None, timeout_s)
        if query.answer is None or not re.search(pattern, query.answer["text"]):
            raise _Failed(f"the press was answered {query.answer!r}, not {pattern!r}")


def transcript(chat: Chat) -> list[Json]:
    """What both sides said, oldest first."""
    return [
        {
            "from": "bot" if message.from_bot else "user",
            "text": message.text(),
            "kind": next((kind for kind in _KINDS if kind in message.telegram), "text"),
            "buttons": [button["text"] for button in message.buttons()],
            "message_id": message.id,
            "date": message.telegram["date"],
            "deleted": message.deleted,
        }
        for message in chat.messages.values()
    ]  # fmt: skip


async def run_script(world: World, bot: Bot, person: Person, script: Script) -> Json:
    """Plays the steps until the first that fails; {"ok", "failed_step", "reason", "transcript"}."""
    player = _Player(world, bot, person)
    outcome: Json = {"ok": True, "failed_step": None, "reason": None}
    for number, step in enumerate(script.steps):
        try:
            await player.play(step)
        except (_Failed, customers.Impossible) as error:
            outcome = {"ok": False, "failed_step": number, "reason": str(error)}
            break
    return outcome | {"transcript": transcript(player.chat)}
