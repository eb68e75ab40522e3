"""A person pauses, edits and goes on while scheduler and sender are at work, on both databases."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from crm import audiences, campaigns, clock, dispatch, merges
from crm.db import Database
from crm.errors import IllegalTransition
from crm.models.campaigns import CampaignRecipient, CampaignState
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import ChannelAccount
from crm.models.staff import Staff
from crm.settings import settings
from tests.crm import factories
from tests.crm.broadcasts import adds_up, draft, marketer, reader

PEOPLE = 120


class House:
    """A campaign to PEOPLE, a scheduler and a sender in threads; `accepted` is what Telegram took: (account, text)."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accepted: list[tuple[int, str]] = []
        self.errors: list[BaseException] = []
        self._over = threading.Event()
        with database.begin() as session:
            minh = marketer(session)
            for number in range(1, PEOPLE + 1):
                reader(session, number)
            campaign = draft(session, minh, "Bản 0 ")
            campaigns.schedule(session, campaign, minh)
            self.staff_id, self.campaign_id = minh.id, campaign.id

    def feed(self) -> None:
        with self.database.begin() as session:
            campaigns.start_due(session, clock.now(), limit=10)
        with self.database.begin() as session:
            campaigns.finish_done(session, clock.now())

    def send(self) -> None:
        with self.database.begin() as session:
            letters = dispatch.claim(session, settings(), 1, 4)
        for letter in letters:
            self.accepted.append((letter.chat_id, letter.body["text"]))
            with self.database.begin() as session:
                assert factories.settle(session, letter, dispatch.Outcome.SENT, message_id=1)

    def ask(self, change: Callable[..., object], *arguments: object) -> None:
        with self.database.begin() as session:
            change(session, campaigns.get(session, self.campaign_id), session.get_one(Staff, self.staff_id), *arguments)

    def state(self) -> CampaignState:
        with self.database.read() as session:
            return campaigns.get(session, self.campaign_id).state

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._again, args=(work,)) for work in (self.feed, self.send)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(30)

    def _again(self, work: Callable[[], None]) -> None:
        while not self._over.is_set():
            try:
                work()
            except BaseException as error:
                self.errors.append(error)
                return
            time.sleep(0.002)


@pytest.fixture
def house(database: Database, monkeypatch: pytest.MonkeyPatch) -> House:
    for name, value in (("canary", 5), ("chat_gap_s", 0.0), ("quiet_from_hour", 24), ("quiet_until_hour", 0)):
        monkeypatch.setattr(settings(), name, value)
    return House(database)


def _until(done: Callable[[], bool]) -> None:
    for _ in range(3000):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("nothing came of it")


def test_nothing_leaves_once_the_pause_is_committed_and_nobody_reads_a_mixture(house: House) -> None:
    with house.at_work():
        for turn in range(1, 6):
            before = len(house.accepted)
            _until(lambda before=before: len(house.accepted) > before + 6 or house.state() is CampaignState.FINISHED)
            if house.state() is not CampaignState.RUNNING:
                break
            try:
                house.ask(campaigns.pause)
            except IllegalTransition:  # it was through meanwhile
                assert turn > 1
                break
            with house.database.read() as session:
                flying = set(session.scalars(select(Outbox.id).where(Outbox.state == OutboxState.SENDING)))
                claimed = set(session.scalars(select(Outbox.id).where(Outbox.sending_at.is_not(None))))
                assert adds_up(session, campaigns.get(session, house.campaign_id))
            time.sleep(0.1)
            with house.database.read() as session:
                assert flying <= claimed
                assert set(session.scalars(select(Outbox.id).where(Outbox.sending_at.is_not(None)))) == claimed
            house.ask(campaigns.edit, "Sửa", f"Bản {turn} ", audiences.EVERYBODY)
            house.ask(campaigns.resume)
        _until(lambda: house.state() is CampaignState.FINISHED or bool(house.errors))
    assert house.errors == []
    assert Counter(Counter(chat for chat, _ in house.accepted).values()) == {1: PEOPLE}
    with house.database.read() as session:
        assert adds_up(session, campaigns.get(session, house.campaign_id))
        rows = session.execute(
            select(ChannelAccount.chat_id, CampaignRecipient.version, Outbox.state)
            .join(Outbox, Outbox.account_id == ChannelAccount.id)
            .join(CampaignRecipient, CampaignRecipient.outbox_id == Outbox.id)
        ).all()
    versions = {chat: version for chat, version, _ in rows}
    assert {state for *_, state in rows} == {OutboxState.SENT}
    assert all(
        f"Bản {versions[chat] - 1} " in text + " " or f"Bản {versions[chat] - 1}\n" in text
        for chat, text in house.accepted
    )
    assert len(set(versions.values())) > 1


def test_a_merge_beside_the_feeding_leaves_one_message(database: Database) -> None:
    with database.begin() as session:
        minh, kept, gone = marketer(session), reader(session, 1).customer, reader(session, 2).customer
        campaigns.schedule(session, draft(session, minh), minh)
        versions = (kept.version, gone.version)
    with database.begin() as session:
        campaigns.start_due(session, clock.now(), limit=0)

    def merge() -> None:
        with database.begin() as session:
            merges.merge(session, kept.id, gone.id, session.get_one(Staff, minh.id), versions=versions, take=set())

    merging = threading.Thread(target=merge)
    with database.begin() as session:
        assert campaigns.start_due(session, clock.now(), limit=10) == 2
        session.flush()
        merging.start()
        merging.join(0.5)  # it must wait for what is being queued
    merging.join(30)
    with database.read() as session:
        assert sorted(session.scalars(select(Outbox.state))) == [OutboxState.QUEUED, OutboxState.SKIPPED]
