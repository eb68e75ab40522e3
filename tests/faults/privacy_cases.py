"""Somebody asks to be erased (FAULTS.md 36) and nobody of the staff does it: done in time, and nothing is left."""

import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from crm import (
    clock,
    customers,
    erasure_journal,
    personal_data_erase,
    personal_data_export,
    personal_data_requests,
)
from crm import tracker_events as tracker
from crm.customers import Caller
from crm.db import Database
from crm.models.conversations import Message
from crm.models.people import Customer
from crm.models.privacy import Erasure, PrivacyRequest, RequestKind, RequestState
from crm.settings import settings
from tests.crm import traces
from tests.faults.case import Tally, case
from tests.faults.world import BOT_ID, World

FIRST_CHAT = 820_000_001
STAFF_CHAT = 830_000_001  # of people of the staff who were told of them by name
KILLS = 2


@dataclass(frozen=True)
class Person:
    """Somebody who asked to be erased; every word of theirs is `mark`."""

    mark: str
    chat_id: int
    customer_id: int
    files: tuple[Path, ...]


@contextmanager
def as_process(world: World) -> Iterator[None]:
    """The settings that the world's own processes have."""
    before = dict(os.environ)
    os.environ.update(world.settings)
    settings.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()


@case(36, "erase my data, with traces everywhere", tries=6, short=1)
def forgotten(world: World, tries: int, dice: random.Random) -> Tally:
    """On the last day the scheduler does it by itself, killed at random moments; a neighbour loses nothing."""
    tally = Tally(tries=tries)
    with as_process(world):
        people = [_leave_traces(world, FIRST_CHAT + number) for number in range(tries)]
        neighbour = _neighbour(world)
        for _ in range(KILLS):
            scheduler = world.start("scheduler")
            time.sleep(dice.uniform(1.0, 4.0))
            world.kill(scheduler)
        world.start("scheduler")
        tally.expect(world.reaches(lambda: _all_gone(world, people), 120), "somebody is still there")
        for person in people:
            _judge(world, person, tally)
        _judge_neighbour(world, neighbour, tally)
        tally.equal(_tombstones(world), tries, "tombstones")
        tally.equal(len(erasure_journal.read(erasure_journal.place())[0]), tries, "lines of the journal")
        _come_back(world, people[0], tally)
    return tally


def _leave_traces(world: World, chat_id: int) -> Person:
    mark = f"Dauvet{chat_id}"
    with world.database.begin() as session:
        talk = traces.leave(session, mark, chat_id)
        number, account = talk.customer_id, talk.account_id
        traces.tell_staff(session, mark, number, STAFF_CHAT + chat_id - FIRST_CHAT)
        photo = world.var / "attachments" / f"anh-{chat_id}.jpg"
        photo.parent.mkdir(exist_ok=True)
        photo.write_bytes(b"jpeg")
        picture = [{"kind": "photo", "path": photo.name, "name": "anh"}]
        session.add(
            Message(
                conversation_id=talk.id,
                direction="in",
                author="customer",
                attachments=picture,
                at=clock.now(),
                text=mark,
            )
        )
        session.flush()
        export = personal_data_export.make(session, number, None)
        for request in session.scalars(select(PrivacyRequest).where(PrivacyRequest.customer_id == number)):
            request.state = RequestState.DONE
        session.flush()
        asked = personal_data_requests.receive(session, number, RequestKind.ERASE, channel="telegram", said=mark)
        asked.due_at = clock.now() + timedelta(hours=20)
    _remember(account, mark)
    return Person(mark, chat_id, number, (photo, world.var / "exports" / export.name))


def _remember(account_id: int, words: str) -> None:
    store = Database(settings().tracker_url)
    tracker.EVENTS.create(store.engine, checkfirst=True)
    row = {
        "sender_id": f"account-{account_id}",
        "type_name": "user",
        "timestamp": time.time(),
        "data": json.dumps(words),
    }
    with store.begin() as session:
        session.execute(tracker.EVENTS.insert().values(row))
    store.dispose()


def _neighbour(world: World) -> int:
    with world.database.begin() as session:
        talk = customers.meet(session, Caller(BOT_ID, FIRST_CHAT - 1, "Người Ở Lại"))
        session.add(
            Message(conversation_id=talk.id, direction="in", author="customer", text="vẫn ở đây", at=clock.now())
        )
        account = talk.account_id
    _remember(account, "vẫn nhớ")
    return account


def _all_gone(world: World, people: Sequence[Person]) -> bool:
    with world.database.read() as session:
        gone = [session.get_one(Customer, person.customer_id).gone_at is not None for person in people]
        gone += [not files for files in session.scalars(select(Erasure.files))]
    return all(gone) and len(erasure_journal.read(erasure_journal.place())[0]) == len(people) and _memories() == 1


def _memories() -> int:
    store = Database(settings().tracker_url)
    with store.read() as session:
        count = session.scalar(select(func.count()).select_from(tracker.EVENTS)) or 0
    store.dispose()
    return count


def _judge(world: World, person: Person, tally: Tally) -> None:
    with world.database.read() as session:
        left = traces.everything(session).lower()
        mine = select(PrivacyRequest).where(PrivacyRequest.customer_id == person.customer_id)
        asked = [each for each in session.scalars(mine) if each.kind is RequestKind.ERASE]
    tally.expect(person.mark.lower() not in left, f"{person.mark} is left in a table")
    tally.expect(str(person.chat_id) not in left, f"the chat {person.chat_id} is left in a table")
    tally.expect(not any(path.exists() for path in person.files), f"a file of {person.mark} is left")
    in_time = [each.closed_at is not None and each.closed_at <= each.due_at for each in asked]
    tally.expect(bool(in_time) and all(in_time), "the request was not closed by its last day")
    written = erasure_journal.place().read_text(encoding="utf-8")
    tally.expect(person.mark not in written and str(person.chat_id) not in written, "the journal tells who it was")


def _judge_neighbour(world: World, account: int, tally: Tally) -> None:
    with world.database.read() as session:
        left = traces.everything(session)
    tally.expect("Người Ở Lại" in left and "vẫn ở đây" in left, "a neighbour lost something")
    tally.equal(_memories(), 1, "conversations that the assistant remembers")


def _tombstones(world: World) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(Erasure)) or 0


def _come_back(world: World, person: Person, tally: Tally) -> None:
    """A backup of before brings them back; the journal takes them out again. Writing again makes somebody new."""
    with world.database.begin() as session:
        again = customers.meet(session, Caller(BOT_ID, person.chat_id, person.mark))
        tally.expect(again.customer_id != person.customer_id, "whoever writes again is taken for who was erased")
        again.account.created_at = clock.now() - timedelta(days=1)
        session.flush()
        again_gone = personal_data_erase.reapply(session, [erasure_journal.place()]).erased
        tally.equal(again_gone, 1, "erased again after a restore")
        tally.expect(person.mark not in traces.everything(session), "the restored backup kept the name")
