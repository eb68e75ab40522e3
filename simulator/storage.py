"""The optional state file: chats, people, pending updates and counters survive a restart. Faults and the log do not."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simulator.state import Bot, Chat, Message, Pending, Person, Query, StoredFile, World

Json = dict[str, Any]
log = logging.getLogger("simulator.storage")

MIN_PAUSE_S, MAX_PAUSE_S, SHARE = 0.3, 5.0, 0.03
"""Writing takes at most this share of the time, so that a long transcript does not slow the answers down."""
CRASH_GAP = 1000
"""Counters skip this many at a start: a killed process may have given out numbers it did not write down."""


def dump(world: World) -> str:
    """The world as JSON text. Files are not in it; see `StateFile`."""
    files = [{"id": f.id, "path": f.path, "mime": f.mime} for f in world.files.values()]
    body = {"rev": world.rev, "people": [asdict(p) for p in world.people.values()], "files": files}
    return json.dumps(body | {"bots": [asdict(bot) for bot in world.bots.values()]}, ensure_ascii=False, default=list)


def _bot(saved: Json) -> Bot:
    chats = saved.pop("chats")
    saved["delivered"] = deque(saved["delivered"], maxlen=2000)
    saved["pending"] = [Pending(**p) for p in saved["pending"]]
    saved["queries"] = {k: Query(**q) for k, q in saved["queries"].items()}
    bot = Bot(**saved)
    bot.next_update_id += CRASH_GAP
    bot.next_message_id += CRASH_GAP
    for chat in chats.values():
        messages = {int(k): Message(**m) for k, m in chat.pop("messages").items()}
        bot.chats[chat["user_id"]] = Chat(**chat, messages=messages)
    return bot


def load(world: World, text: str) -> None:
    """Fills an empty world from `dump`'s text; ValueError, KeyError or TypeError when it is none."""
    saved = json.loads(text)
    world.rev = saved["rev"]
    world.people = {p["id"]: Person(**p) for p in saved["people"]}
    world.files = {f["id"]: StoredFile(**f, data=b"") for f in saved["files"]}
    world.bots |= {bot.id: bot for bot in map(_bot, saved["bots"])}


class StateFile:
    """Writes the world to `path` soon after each change, and pictures once each into `path`.files/."""

    def __init__(self, world: World, path: Path) -> None:
        self.world, self.path = world, path
        self.folder = path.with_name(path.name + ".files")
        self._written = ""

    def read(self) -> None:
        """Loads what is there; an unreadable file is set aside, not lost."""
        if not self.path.exists():
            return
        try:
            load(self.world, self.path.read_text(encoding="utf-8"))
            for file in self.world.files.values():
                kept = self._kept(file.id)
                file.data = kept.read_bytes() if kept.exists() else b""
        except (ValueError, KeyError, TypeError) as error:
            aside = self.path.with_name(self.path.name + ".broken")
            log.error("%s cannot be read (%s); moved to %s, starting empty", self.path, error, aside)
            os.replace(self.path, aside)
            self.world.reset()

    def _kept(self, file_id: str) -> Path:
        return self.folder / file_id

    def write(self) -> None:
        text = dump(self.world)
        if text == self._written:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.world.files.values():
            if not self._kept(file.id).exists():
                self._kept(file.id).write_bytes(file.data)
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, self.path)
        self._written = text

    async def keep(self) -> None:
        """Writes after changes until the world closes, and once more then."""
        while not self.world.pulse.closed:
            seen = self.world.pulse.count
            started = time.monotonic()
            self.write()
            pause_s = min(max((time.monotonic() - started) / SHARE, MIN_PAUSE_S), MAX_PAUSE_S)
            await self.world.pulse.until(lambda: self.world.pulse.closed, pause_s)
            await self.world.pulse.until(lambda seen=seen: self.world.pulse.count != seen, 3600.0)  # type: ignore[misc]
        self.write()
