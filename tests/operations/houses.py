"""A shop's house for the tests of backup and restore: databases of both kinds, photos, models, Rasa's memory."""

import json
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from crm import campaigns, dispatch, greetings, surveys, tracker_events
from crm.db import Database
from crm.models.messaging import Outbox
from crm.settings import settings


@dataclass(frozen=True)
class House:
    """`database` is the CRM's, `tracker` Rasa's, `home` the folder of everything else."""

    database: Database
    tracker: Database
    home: Path

    def photo(self, name: str, content: bytes = b"\xff\xd8\xff photo") -> None:
        folder = settings().var_dir / "attachments"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    def photos(self) -> set[str]:
        return {path.name for path in (settings().var_dir / "attachments").glob("*")}

    def model(self, name: str, learned: str) -> None:
        """Puts a model in use, as `trian train` does."""
        folder = settings().models_dir
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 1000)
        (folder / "learned.yml").write_text(learned, encoding="utf-8")
        record = {"model": name, "fingerprint": "x", "trained_at": "2027-01-01", "sha256": "x", "previous": []}
        (folder / "current.json").write_text(json.dumps(record), encoding="utf-8")

    def remember(self, sender: str, data: str = "{}") -> None:
        facts = {"sender_id": sender, "type_name": "user", "timestamp": 1.0, "data": data}
        with self.tracker.begin() as session:
            session.execute(tracker_events.EVENTS.insert().values(**facts))

    def remembered(self) -> list[str]:
        with self.tracker.begin() as session:
            return list(session.scalars(text("SELECT sender_id FROM events ORDER BY id")))

    def rest(self) -> None:
        """Closes every connection, as a product that is stopped does."""
        self.database.dispose()
        self.tracker.dispose()


def work(session_of: Database, moment: Any) -> list[tuple[int, str]]:
    """What scheduler and sender do now, until nothing is due; returns what Telegram accepted: (chat, text)."""
    for step in (campaigns.start_due, greetings.queue_due, surveys.ask_due):
        while True:
            with session_of.begin() as session:
                if not step(session, moment):
                    break
    accepted: list[tuple[int, str]] = []
    with session_of.begin() as session:
        dispatch.recover(session, settings().bot_id)
    hurried = settings().model_copy(update={"chat_gap_s": 0})  # the clock stands still
    while True:
        with session_of.begin() as session:
            letters = dispatch.claim(session, hurried, 1, 50)
        for letter in letters:
            accepted.append((letter.chat_id, letter.body["text"]))
            with session_of.begin() as session:
                dispatch.settle_all(session, [dispatch.Report(letter, dispatch.Outcome.SENT, message_id=1)])
        if not letters:
            return accepted


def outcomes(session: Session) -> Counter[tuple[str, str | None]]:
    """How many outgoing messages have which state and reason."""
    return Counter((row.state.value, row.reason) for row in session.scalars(select(Outbox)))


@dataclass
class Kills:
    """Cuts a job off again and again, each time in a process of its own by SIGKILL at a random moment of its run.

    `longest_s` is a first guess of how long the job takes; a job that had ended before its kill shortens it, so that a
    machine that was busy while the guess was made does not miss them all.
    """

    longest_s: float
    cut_off: int = 0

    def rounds(self, at_least: int, wanted: int) -> Iterator[int]:
        """Seeds: `at_least` of them, and more (40 at most) until `wanted` jobs were cut off."""
        for seed in range(40):
            if seed < at_least or self.cut_off < wanted:
                yield seed
        assert self.cut_off >= wanted

    def kill(self, job: Callable[[], object], seed: int) -> None:
        process = multiprocessing.get_context("fork").Process(target=job)
        process.start()
        time.sleep(random.Random(seed).uniform(0, self.longest_s))
        alive = process.is_alive()
        process.kill()
        process.join()
        self.cut_off += alive
        self.longest_s *= 1 if alive else 0.7
