"""What was sent after the backup is not sent again, and what was withdrawn after it stays withdrawn."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy.orm import Session

from crm import (
    audiences,
    campaigns,
    clock,
    complaints,
    consents,
    customers,
    greetings,
    merges,
    outbox,
    restored,
    staff_sessions,
    turns,
)
from crm.complaints import Report
from crm.customers import Caller
from crm.inbound import Arrival, store
from crm.models.campaigns import Campaign, CampaignState
from crm.models.care import Greeting, Survey
from crm.models.messaging import Inbound, InboundState, Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Customer, Purpose
from crm.models.staff import Role, Staff
from crm.outbox import Content
from crm.settings import settings
from crm.turns import Said
from operations import backup, restore
from tests.crm import factories
from tests.operations.houses import House, outcomes, work

MORNING = clock.at_local(date(2027, 2, 6), 9, settings().zone)  # Tết: everybody who agreed is greeted
STOPS = 2  # the chat of the person who withdraws after the backup


@pytest.fixture
def hand() -> Iterator[Any]:
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


def _busy_morning(house: House) -> str:
    """People who agreed to everything, a broadcast half queued, another for later, a reply, a survey, an update.

    Returns:
        The token of a log-in.
    """
    with house.database.begin() as session:
        talks = [factories.conversation(session, number, name=f"Nguyễn Thị {number}") for number in range(1, 6)]
        for talk in talks:
            for purpose in (Purpose.MARKETING, Purpose.GREETINGS):
                consents.record(session, talk.customer_id, purpose, granted=True, channel="telegram")
        minh = factories.agent(session, "minh", Role.MARKETING)
        for name, hours in (("Tết", 0), ("Sau Tết", 3)):
            campaign = campaigns.create(session, minh, name, f"{name} rộn ràng", audiences.EVERYBODY)
            campaigns.schedule(session, campaign, minh, at=clock.now() + timedelta(hours=hours) if hours else None)
        outbox.enqueue(session, talks[0].account, Content("Dạ có ạ"), kind=OutboxKind.REPLY)
        complaint = complaints.submit(session, talks[4].customer, talks[4], Report("Giao chậm"))
        complaints.resolve(session, complaint, minh, "Dạ hàng đang trên đường ạ")
        session.query(Survey).one().due_at = clock.now()
        store(session, settings().bot_id, [Arrival(70, 1, {"update_id": 70})])
        token = staff_sessions.start(session, minh)
    with house.database.begin() as session:
        campaigns.start_due(session, clock.now(), limit=3)
    with house.database.begin() as session:
        first = session.query(Outbox).filter_by(kind=OutboxKind.MARKETING).order_by(Outbox.id).first()
        assert first is not None
        first.state, first.sending_at, first.fence = OutboxState.SENDING, clock.now(), 1
    return token


def _stop(house: House) -> datetime:
    """The person writes STOP, as the bot takes it; returns the moment that was confirmed."""
    with house.database.begin() as session:
        store(session, settings().bot_id, [Arrival(71, STOPS, {"update_id": 71})])
        update = session.query(Inbound).filter_by(update_id=71).one()
        caller = Caller(settings().bot_id, STOPS, "Nguyễn Thị 2")
        turn = turns.begin(session, update.id, f"inbound-{update.id}", caller, Said("STOP"))
        turns.stop_advertising(session, turn, "STOP")
        return clock.now()


def test_nothing_is_sent_twice_and_the_withdrawal_holds(house: House, hand: Any) -> None:
    token = _busy_morning(house)
    file = house.home / "morning.backup"
    backup.make(settings(), file)

    hand.move_to(MORNING + timedelta(hours=2))
    before = work(house.database, clock.now())
    texts = [text for _, text in before]
    assert sum("Tết rộn ràng" in text for text in texts) == 4  # one of five was in flight at the backup
    assert len(texts) == 4 + 1 + 5 + 2  # the broadcast, a reply, greetings, the complaint's answer and its survey
    stopped_at = _stop(house)
    house.rest()
    hand.move_to(MORNING + timedelta(hours=2, minutes=30))
    done = restore.put_back(settings(), file, force=True)

    again = work(house.database, clock.now())
    for hours in (4, 8, 12, 23, 25):
        hand.move_to(MORNING + timedelta(hours=hours))
        again += work(house.database, clock.now())
    assert again == []
    assert (done.stops.applied, done.settled.broadcasts, done.settled.recipients) == (1, 2, 2)
    assert (done.settled.greetings, done.settled.surveys, done.settled.updates) == (5, 1, 1)
    with house.database.read() as session:
        assert outcomes(session) == {("expired", "restored"): 4, ("unknown", "restored"): 1}
        stopped = next(each for each in session.query(Customer) if each.accounts[0].chat_id == STOPS)
        assert not consents.granted(session, stopped.id, Purpose.MARKETING)
        newest = consents.latest(session, stopped.id, Purpose.MARKETING)
        assert newest is not None
        assert newest.at == stopped_at
        states = {campaign.name: campaign.state for campaign in session.query(Campaign)}
        assert states == {"Tết": restored.HALTED, "Sau Tết": CampaignState.DRAFT}
        progress = campaigns.progress(session, session.query(Campaign).filter_by(name="Tết").one())
        assert progress.reasons["restored"] == 5
        assert session.query(Inbound).one().state is InboundState.DEAD
        assert staff_sessions.staff_of(session, token) is None


def test_people_decide_to_go_on_and_the_one_who_stopped_is_left_out(house: House, hand: Any) -> None:
    _busy_morning(house)
    file = house.home / "morning.backup"
    backup.make(settings(), file)
    hand.move_to(MORNING + timedelta(hours=2))
    _stop(house)
    house.rest()
    restore.put_back(settings(), file, force=True)
    hand.move_to(MORNING + timedelta(days=1))
    with house.database.begin() as session:
        minh = factories.agent(session, "minh2", Role.MARKETING)
        campaigns.schedule(session, session.query(Campaign).filter_by(name="Sau Tết").one(), minh)
    chats = {chat for chat, text in work(house.database, clock.now()) if "Sau Tết" in text}
    assert chats == {1, 3, 4, 5}


def test_a_broadcast_paused_at_the_backup_and_sent_after_it_is_not_sent_again(house: House, hand: Any) -> None:
    _busy_morning(house)

    def tet(act: Callable[[Session, Campaign, Staff], None], who: str) -> None:
        with house.database.begin() as session:
            minh = factories.agent(session, who, Role.MARKETING)
            act(session, session.query(Campaign).filter_by(name="Tết").one(), minh)

    tet(campaigns.pause, "minh3")
    file = house.home / "paused.backup"
    backup.make(settings(), file)
    tet(campaigns.resume, "minh4")
    hand.move_to(MORNING + timedelta(hours=2))
    assert any("Tết rộn ràng" in text for _, text in work(house.database, clock.now()))
    house.rest()
    restore.put_back(settings(), file, force=True)
    tet(campaigns.resume, "minh5")
    hand.move_to(MORNING + timedelta(hours=3))
    assert not any("Tết rộn ràng" in text for _, text in work(house.database, clock.now()))


def test_before_the_greeting_hour_todays_greetings_are_still_due(house: House, hand: Any) -> None:
    _busy_morning(house)
    hand.move_to(clock.at_local(date(2027, 2, 7), 6, settings().zone))  # the second day of Tết
    file = house.home / "night.backup"
    backup.make(settings(), file)
    house.rest()
    assert restore.put_back(settings(), file, force=True).settled.greetings == 0
    with house.database.read() as session:
        due = greetings.due(session, clock.now())
        assert session.query(Greeting).count() == 0
    hand.move_to(clock.at_local(date(2027, 2, 7), 9, settings().zone))
    assert len([text for _, text in work(house.database, clock.now()) if "rộn ràng" not in text]) == len(due)


def test_stops_that_only_another_machine_knows_are_brought_back_too(
    house: House, hand: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _busy_morning(house)
    file = house.home / "morning.backup"
    backup.make(settings(), file)
    monkeypatch.setattr(settings(), "consent_journal", house.home / "other" / "consents.journal")
    _stop(house)
    monkeypatch.setattr(settings(), "consent_journal", None)
    house.rest()
    # The database that is about to be replaced knows of the stop: it is in our journal before anything is changed.
    assert restore.put_back(settings(), file, force=True).stops.applied == 1
    settings().journal.unlink()
    house.rest()
    assert restore.put_back(settings(), file, force=True).stops.applied == 1
    settings().journal.unlink()
    house.rest()
    with house.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM consents")
    house.rest()
    assert restore.put_back(settings(), file, force=True).stops.applied == 0
    house.rest()
    elsewhere = [house.home / "other" / "consents.journal"]
    assert restore.put_back(settings(), file, force=True, others=restore.Journals(elsewhere)).stops.applied == 1


@pytest.mark.parametrize("made_while_merged", [False, True])
def test_a_stop_holds_over_a_restore_to_before_a_merge_or_before_its_undoing(
    house: House, hand: Any, made_while_merged: bool
) -> None:
    _busy_morning(house)
    with house.database.begin() as session:
        kept, gone = (session.query(ChannelAccount).filter_by(chat_id=chat).one().customer_id for chat in (3, STOPS))
    file = house.home / "morning.backup"
    if not made_while_merged:
        backup.make(settings(), file)
    with house.database.begin() as session:
        merged = merges.merge(session, kept, gone, factories.agent(session), versions=(1, 1), take=set()).id
    if made_while_merged:
        backup.make(settings(), file)
        with house.database.begin() as session:
            merges.undo(session, merged, factories.agent(session, "hoa"))
    _stop(house)
    house.rest()
    restore.put_back(settings(), file, force=True)
    with house.database.read() as session:
        owner = session.query(ChannelAccount).filter_by(chat_id=STOPS).one().customer_id
        assert owner == (kept if made_while_merged else gone)
        assert customers.current(session, gone).id == owner
        assert not consents.granted(session, owner, Purpose.MARKETING)
