"""Scripted customers of a world, and a look into Rasa's tracker."""

import json
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from tests.faults.world import World

PATIENCE_S = 30.0
SIDE_BY_SIDE = 5


@dataclass(frozen=True)
class Played:
    """What came of a script: `said` is what the assistant said in the whole chat, oldest first."""

    ok: bool
    reason: str
    said: list[str]


def play(world: World, chat: int, *lines: str, patience_s: float = PATIENCE_S) -> Played:
    """Plays lines: `> text` says it, `[title]` presses that button, another is a pattern that an answer must match."""
    steps = [_step(line, patience_s) for line in lines]
    url = f"{world.telegram.url}/control/script"
    answer = httpx.post(url, json={"user_id": chat, "steps": steps}, timeout=len(steps) * patience_s + 60)
    played = answer.raise_for_status().json()
    said = [str(line["text"]) for line in played["transcript"] if line["from"] == "bot"]
    return Played(played["ok"], f"step {played['failed_step']}: {played['reason']}", said)


def play_all(world: World, chats: Sequence[int], *lines: str, patience_s: float = PATIENCE_S) -> dict[int, Played]:
    """The same script for every chat, a few at the same time."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        outcomes = pool.map(lambda chat: play(world, chat, *lines, patience_s=patience_s), chats)
        return dict(zip(chats, outcomes, strict=True))


def serve_for_real(world: World) -> None:
    """Starts the action server, Rasa and the bot; the bot asks the real Rasa."""
    world.use_rasa()
    world.start("actions", ready=False)
    world.start("rasa")
    world.wait(lambda: world.serves("actions"), PATIENCE_S, "the action server serves")
    world.start("bot")


def tracker(world: World, account_id: int) -> list[dict[str, Any]]:
    """Every event that Rasa has stored for the account, oldest first."""
    with sqlite3.connect(world.var / "tracker.db") as connection:
        rows = connection.execute(
            "SELECT data FROM events WHERE sender_id = ? ORDER BY id", (f"account-{account_id}",)
        ).fetchall()
    return [json.loads(row[0]) for row in rows]


def _step(line: str, patience_s: float) -> dict[str, Any]:
    if line.startswith("> "):
        return {"say": line[2:]}
    if line.startswith("["):
        return {"press": line.strip("[]"), "timeout_s": patience_s}
    return {"expect": line, "timeout_s": patience_s}
