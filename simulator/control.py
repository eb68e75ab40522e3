"""The control API under /control: for tests, and for the chat page. Every body and answer is JSON.

`?bot=<id>` picks a bot; without it the one that appeared last is meant. Errors: 404 unknown person, 409 impossible
(`detail` says why), 422 a malformed body.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import Field

from simulator import customers
from simulator.bodies import MAX_WAIT_S, Edit, Injected, NewPerson, Outgoing, Press, Redeliver, Start
from simulator.faults import Fault
from simulator.script import Script, run_script
from simulator.state import FIRST_PERSON_ID, Bot, Chat, Message, Pending, Person, World

Json = dict[str, Any]
KEEPALIVE_S = 15.0


class Control:
    """The routes; `router` is what the app mounts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.router = APIRouter(prefix="/control")
        for method, path, handler in (
            ("GET", "/state", self.state),
            ("GET", "/events", self.events),
            ("POST", "/reset", self.reset),
            ("GET", "/users", self.users),
            ("POST", "/users", self.add_user),
            ("POST", "/users/{user_id}/{act}", self.act),
            ("GET", "/chats/{user_id}/messages", self.messages),
            ("POST", "/chats/{user_id}/messages", self.send),
            ("PATCH", "/chats/{user_id}/messages/{message_id}", self.edit),
            ("POST", "/chats/{user_id}/start", self.start),
            ("POST", "/chats/{user_id}/press", self.press),
            ("GET", "/accepted", self.accepted),
            ("GET", "/calls", self.calls),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("GET", "/updates", self.pending),
            ("POST", "/updates", self.inject),
            ("POST", "/redeliver", self.redeliver),
            ("POST", "/script", self.script),
            ("GET", "/files/{file_id}", self.file),
        ):
            self.router.add_api_route(path, handler, methods=[method])

    def _bot(self, bot: int | None) -> Bot:
        found = self.world.newest_bot(bot)
        if found is None:
            raise customers.Impossible("no bot has called yet")
        return found

    def _person(self, user_id: int) -> Person:
        if user_id not in self.world.people:
            raise HTTPException(404, f"no user {user_id}")
        return self.world.people[user_id]

    async def state(self) -> Json:
        """Everything a page needs to draw itself, but for older messages."""
        return {
            "bots": [
                bot.as_user()
                | {"commands": bot.commands, "pending": len(bot.pending), "webhook": bot.webhook.get("url", "")}
                | {"chats": [_chat_summary(chat) for chat in bot.chats.values()]}
                for bot in self.world.bots.values()
            ],
            "users": await self.users(),
        }

    async def events(self) -> StreamingResponse:
        """Server-sent events: message, typing, answer, keyboard, reload."""
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _stream(self) -> AsyncIterator[str]:
        queue = self.world.hub.subscribe()
        try:
            yield "retry: 1000\n\n"
            while not self.world.pulse.closed:
                try:
                    event = await asyncio.wait_for(queue.get(), KEEPALIVE_S)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if event is None:
                    return
                yield f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
        finally:
            self.world.hub.leave(queue)

    async def reset(self) -> Json:
        self.world.reset()
        self.world.changed({"type": "reload"})
        return {"ok": True}

    async def users(self) -> list[Json]:
        return [vars(person) for person in self.world.people.values()]

    async def add_user(self, body: NewPerson) -> Json:
        """Adds a person, or changes the one with this id."""
        user_id = body.id or max([FIRST_PERSON_ID - 1, *self.world.people]) + 1
        known = self.world.people.get(user_id)
        person = Person(**(body.model_dump() | {"id": user_id}), deactivated=known.deactivated if known else False)
        self.world.people[user_id] = person
        self.world.changed({"type": "reload"})
        return vars(person)

    async def act(self, user_id: int, act: str, bot: int | None = None) -> Json:
        """block, unblock, deactivate, reactivate."""
        person = self._person(user_id)
        if act in ("block", "unblock"):
            customers.set_blocked(self.world, self._bot(bot), person, act == "block")
        elif act in ("deactivate", "reactivate"):
            person.deactivated = act == "deactivate"
            self.world.changed({"type": "reload"})
        else:
            raise HTTPException(404, f"no act {act}")
        return {"ok": True}

    async def messages(
        self,
        user_id: int,
        after: int = 0,
        wait_s: Annotated[float, Field(ge=0, le=MAX_WAIT_S)] = 0,
        from_bot: bool | None = None,
        bot: int | None = None,
    ) -> list[Json]:
        """The transcript after a message id, oldest first; with wait_s it waits until there is something in it."""
        self._person(user_id)

        def found() -> list[Message]:
            owner = self.world.newest_bot(bot)
            chat = owner.chats.get(user_id) if owner else None
            every = chat.messages.values() if chat else ()
            return [m for m in every if m.id > after and from_bot in (None, m.from_bot)]

        await self.world.pulse.until(lambda: bool(found()), wait_s)
        return [message.as_json() for message in found()]

    async def send(self, user_id: int, body: Outgoing, bot: int | None = None) -> Json:
        person = self._person(user_id)
        owner = self._bot(bot)
        message = customers.send(self.world, owner, person, body.content(self.world, person), body.reply_to)
        return message.as_json()

    async def edit(self, user_id: int, message_id: int, body: Edit, bot: int | None = None) -> Json:
        return customers.edit(self.world, self._bot(bot), self._person(user_id), message_id, body.text).as_json()

    async def start(self, user_id: int, body: Start, bot: int | None = None) -> Json:
        """Presses Start, with the payload of a t.me/<bot>?start=<payload> link."""
        content = customers.text_content(f"/start {body.payload}")
        return customers.send(self.world, self._bot(bot), self._person(user_id), content).as_json()

    async def press(self, user_id: int, body: Press, bot: int | None = None) -> Json:
        """Presses a button; {"query_id", "answer"}, the answer as far as it came within wait_s."""
        person, owner = self._person(user_id), self._bot(bot)
        message_id, button = body.button(owner, person)
        query = customers.press(self.world, owner, person, message_id, button, body.stale)
        await self.world.pulse.until(lambda: query.answer is not None, body.wait_s)
        return {"query_id": query.id, "answer": query.answer}

    async def accepted(self, since: int = 0, method: str | None = None) -> Json:
        """The oracle: outgoing calls Telegram accepted, after sequence number `since`."""
        calls = await self.calls(since, method)
        return {"accepted": [c for c in calls["calls"] if c["accepted"]], "last": calls["last"]}

    async def calls(self, since: int = 0, method: str | None = None) -> Json:
        """Every outgoing call that arrived, with its outcome: ok, an error code, or the fault that struck it."""
        found = [c for c in self.world.calls[since:] if method in (None, c["method"])]
        return {"calls": found, "last": len(self.world.calls)}

    async def faults(self) -> list[Fault]:
        return self.world.faults.armed

    async def add_fault(self, body: Fault) -> Fault:
        return self.world.faults.add(body)

    async def clear_faults(self, id: int | None = None) -> Json:
        return {"cleared": self.world.faults.clear(id)}

    async def pending(self, bot: int | None = None) -> list[Json]:
        return [pending.update for pending in self._bot(bot).pending]

    async def inject(self, body: Injected, bot: int | None = None) -> Json:
        owner = self._bot(bot)
        owner.next_update_id = body.next_update_id or owner.next_update_id
        ids = []
        for update in body.updates:
            if "update_id" not in update:
                update["update_id"], owner.next_update_id = owner.next_update_id, owner.next_update_id + 1
            owner.pending.append(Pending(update, forced=True))
            ids.append(update["update_id"])
        self.world.changed()
        return {"update_ids": ids}

    async def redeliver(self, body: Redeliver, bot: int | None = None) -> Json:
        owner = self._bot(bot)
        past = list(owner.delivered)
        wanted = body.update_ids
        chosen = past[-body.count :] if wanted is None else [u for u in past if u["update_id"] in wanted]
        owner.pending += [Pending(update, forced=True) for update in chosen]
        self.world.changed()
        return {"update_ids": [update["update_id"] for update in chosen]}

    async def script(self, body: Script, bot: int | None = None) -> Json:
        return await run_script(self.world, self._bot(bot), self._person(body.user_id), body)

    async def file(self, file_id: str) -> Response:
        file = self.world.files.get(file_id)
        if file is None:
            raise HTTPException(404, "no such file")
        if file.mime == "text/x-url":
            return RedirectResponse(file.data.decode())
        return Response(file.data, media_type=file.mime)


def _chat_summary(chat: Chat) -> Json:
    shown = [m for m in chat.messages.values() if not m.deleted]
    last = shown[-1].as_json() if shown else None
    return {"user_id": chat.user_id, "blocked": chat.blocked, "keyboard": chat.keyboard, "last": last}
