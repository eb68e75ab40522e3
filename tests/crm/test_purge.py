import os
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, text

from crm import clock, complaints, consents, customers, outbox, purge, receipts, tracker_events, workers
from crm.complaints import Report
from crm.customers import Caller
from crm.db import Database
from crm.inbound import Arrival
from crm.inbound import store as store_updates
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState
from crm.models.care import Complaint, ComplaintState
from crm.models.conversations import Author, Conversation, Direction, Message
from crm.models.housekeeping import Housekeeping
from crm.models.messaging import ActionReceipt, ButtonToken, Inbound, InboundState, Outbox, OutboxKind, OutboxState
from crm.models.people import AuditEntry, Consent, Purpose
from crm.models.staff import Role
from crm.outbox import Button, Content
from crm.purge import Doors
from crm.settings import settings
from tests.crm import factories

NOW = clock.at_local(date(2027, 3, 1), 4, settings().zone)
LONG_AGO = NOW - timedelta(days=400)


@pytest.fixture(autouse=True)
def _at_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings(), "var_dir", tmp_path)
    monkeypatch.setattr(settings(), "tracker_url", f"sqlite:///{tmp_path}/tracker.db")
    (tmp_path / "attachments").mkdir()
    with time_machine.travel(NOW, tick=False):
        yield


def _doors(database: Database, steps: int | None = None) -> Doors:
    """`steps`: told to stop after so many."""
    taken = iter(range(steps or 1_000_000))
    return Doors(database.read, database.begin, lambda: next(taken, None) is None)


def _photo(name: str, moment: datetime) -> str:
    path = settings().var_dir / "attachments" / name
    path.write_bytes(b"\xff\xd8\xff")
    os.utime(path, (moment.timestamp(), moment.timestamp()))
    return name


def _photos() -> set[str]:
    return {path.name for path in (settings().var_dir / "attachments").iterdir()}


def _spoke(database: Database, chat: int, moment: datetime, state: InboundState = InboundState.DONE) -> Conversation:
    """A turn as it was at `moment`: an update, its message with a photo, a receipt, and the answer with a button."""
    with time_machine.travel(moment, tick=False), database.begin() as session:
        talk = factories.conversation(session, chat)
        store_updates(session, settings().bot_id, [Arrival(chat * 100, chat, {"update_id": chat})])
        update = session.query(Inbound).filter_by(update_id=chat * 100).one()
        update.state = state
        photo = {"kind": "photo", "path": _photo(f"{chat}.jpg", moment), "name": "x"}
        said = {"direction": Direction.IN, "author": Author.CUSTOMER, "text": "Máy kêu to quá", "at": moment}
        session.add(Message(conversation_id=talk.id, inbound_id=update.id, attachments=[photo], **said))
        receipts.once(session, f"inbound-{update.id}", "action_x", dict)
        content = Content("Dạ em nghe ạ", buttons=[[Button("Có", "/affirm")]])
        row = outbox.enqueue(session, talk.account, content, kind=OutboxKind.REPLY)
        assert row is not None
        row.state = OutboxState.SENT if state is InboundState.DONE else OutboxState.QUEUED
    return talk


def _left(database: Database, model: Any) -> int:
    with database.read() as session:
        return session.query(model).count()


def _complain(database: Database, talk: Conversation, photos: list[str] | None = None) -> None:
    with time_machine.travel(LONG_AGO, tick=False), database.begin() as session:
        mine = session.get_one(Conversation, talk.id)
        complaints.submit(session, mine.customer, mine, Report("Máy hỏng", photos=photos or []))


def test_what_is_old_goes_and_what_was_said_stays(database: Database) -> None:
    _spoke(database, 1, LONG_AGO)
    _spoke(database, 2, NOW - timedelta(days=2))
    with database.read() as session:
        expected = purge.count(session, NOW)
    assert {kind: number for kind, number in expected.items() if number} == {
        "inbound": 1,
        "buttons": 1,
        "outbox": 1,
        "photos": 1,
    }
    assert _left(database, Inbound) == 2
    counts = purge.run(_doors(database), NOW)
    assert {kind: number for kind, number in counts.items() if number} == {
        kind: number for kind, number in expected.items() if number
    }
    for model in (Inbound, Outbox, ButtonToken, ActionReceipt):
        assert _left(database, model) == 1, model
    assert _photos() == {"2.jpg"}
    with database.read() as session:
        kept = session.query(Message).filter_by(conversation_id=1).order_by(Message.id).all()
        assert [each.text for each in kept] == ["Máy kêu to quá", "Dạ em nghe ạ"]
        assert [each.attachments for each in kept] == [[], []]
        entry = session.query(AuditEntry).filter_by(action="purge").one()
        assert entry.detail == {"inbound": 1, "buttons": 1, "outbox": 1, "photos": 1}
        assert purge.count(session, NOW) == dict.fromkeys(expected, 0)


def test_an_open_complaint_holds_everything_of_its_customer_until_it_is_answered(database: Database) -> None:
    talk = _spoke(database, 1, LONG_AGO)
    _spoke(database, 2, NOW - timedelta(days=2))
    _complain(database, talk, photos=["1.jpg"])
    assert sum(purge.run(_doors(database), NOW).values()) == 0
    assert (_left(database, Inbound), _left(database, Outbox), _photos()) == (2, 2, {"1.jpg", "2.jpg"})
    with database.begin() as session:
        session.query(Complaint).one().state = ComplaintState.CLOSED
    assert purge.run(_doors(database), NOW)["photos"] == 1
    with database.read() as session:
        assert session.query(Complaint).one().photos == []
    assert (_left(database, Inbound), _photos()) == (1, {"2.jpg"})


def test_what_is_not_dealt_with_the_ledger_and_the_audit_stay(database: Database) -> None:
    talk = _spoke(database, 1, LONG_AGO, InboundState.PENDING)
    with time_machine.travel(LONG_AGO, tick=False), database.begin() as session:
        consents.record(session, talk.customer_id, Purpose.MARKETING, granted=False, channel="telegram")
        session.add(AuditEntry(at=LONG_AGO, action="x", subject="y", subject_id=1, detail={}))
    _spoke(database, 2, NOW)
    purge.run(_doors(database), NOW)
    assert (_left(database, Inbound), _left(database, Outbox), _left(database, Consent)) == (2, 2, 1)
    assert _left(database, AuditEntry) == 2


def test_the_highest_numbers_are_never_given_a_second_time(database: Database) -> None:
    _spoke(database, 1, LONG_AGO - timedelta(days=1))
    _spoke(database, 2, LONG_AGO)
    purge.run(_doors(database), NOW)
    with database.begin() as session:
        (last,) = session.query(Inbound).all()
        (last_row,) = session.query(Outbox).all()
        store_updates(session, settings().bot_id, [Arrival(999, 1, {})])
        assert session.query(Inbound).filter_by(update_id=999).one().id > last.id == 2
        assert last_row.id == 2


def test_a_broadcast_keeps_its_figures_and_loses_its_texts(database: Database) -> None:
    states = (CampaignState.FINISHED, CampaignState.RUNNING)
    with time_machine.travel(LONG_AGO, tick=False), database.begin() as session:
        talk, minh = factories.conversation(session), factories.agent(session, "minh", Role.MARKETING)
        for state in states:
            campaign = Campaign(name="Tết", text="x", audience={"kind": "all"}, state=state, created_by=minh.id)
            campaign.created_at = LONG_AGO
            session.add(campaign)
            session.flush()
            more = {"kind": OutboxKind.MARKETING, "purpose": Purpose.MARKETING, "campaign_id": campaign.id}
            row = outbox.enqueue(session, talk.account, Content("[QC] Chị Hạnh ơi"), **more)
            assert row is not None
            row.state = OutboxState.SENT
            session.add(CampaignRecipient(campaign_id=campaign.id, customer_id=talk.customer_id, outbox_id=row.id))
    assert purge.run(_doors(database), NOW)["broadcast_texts"] == 1
    with database.read() as session:
        bodies = [row.body for row in session.query(Outbox).order_by(Outbox.id)]
        assert (bodies[0], bodies[1]["text"]) == ({}, "[QC] Chị Hạnh ơi")
        assert all(row.outbox_id for row in session.query(CampaignRecipient))
        assert purge.count(session, NOW)["broadcast_texts"] == 0


def test_stopped_at_any_step_it_goes_on_where_it_was_and_counts_right(database: Database) -> None:
    for chat in range(1, 6):
        _spoke(database, chat, LONG_AGO + timedelta(hours=chat))
    _spoke(database, 9, NOW)
    nights = 0
    while True:
        nights += 1
        with database.read() as session:
            if not purge.is_due(session, NOW):
                break
        purge.run(_doors(database, steps=nights), NOW)
    assert nights > 3
    with database.read() as session:
        work = session.query(Housekeeping).one()
        assert work.counts == {"inbound": 5, "buttons": 5, "outbox": 5, "photos": 5}
        assert session.query(AuditEntry).filter_by(action="purge").one().detail == work.counts


def test_it_is_due_once_a_night_and_late_if_nobody_was_there(database: Database) -> None:
    def due(hour: int, day: int = 1) -> bool:
        with database.read() as session:
            return purge.is_due(session, clock.at_local(date(2027, 3, day), hour, settings().zone))

    assert [due(2), due(3), due(23)] == [False, True, True]
    purge.run(_doors(database), NOW)
    assert [due(5), due(2, day=2), due(3, day=2)] == [False, False, True]


def test_a_file_that_nobody_names_goes_and_one_outside_stays(database: Database, tmp_path: Path) -> None:
    _photo("stray.jpg", LONG_AGO)
    _photo("young.jpg", NOW)
    secret = tmp_path / "secret.txt"
    secret.write_text("x")
    with database.begin() as session:
        talk = factories.conversation(session)
        for path in ("../secret.txt", str(secret)):
            said = {"direction": Direction.IN, "author": Author.CUSTOMER, "text": "", "at": LONG_AGO}
            session.add(Message(conversation_id=talk.id, attachments=[{"kind": "photo", "path": path}], **said))
    purge.run(_doors(database), NOW)
    assert _photos() == {"young.jpg"}
    assert secret.exists()


@pytest.fixture(params=["sqlite", "postgresql"])
def tracker(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Rasa's table as Rasa makes it. The URL is written as Rasa's room writes it."""
    url = f"sqlite:///{tmp_path}/tracker.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url").replace("+psycopg", "")
    monkeypatch.setattr(settings(), "tracker_url", url)
    store = Database(url.replace("postgresql://", "postgresql+psycopg://"))
    tracker_events.EVENTS.create(store.engine)
    yield store
    tracker_events.EVENTS.drop(store.engine)
    store.dispose()


def _event(store: Database) -> Callable[[str, str, float], None]:
    def add(sender: str, kind: str, days_ago: float) -> None:
        facts = {"sender": sender, "kind": kind, "at": (NOW - timedelta(days=days_ago)).timestamp()}
        insert = "INSERT INTO events (sender_id, type_name, timestamp, data) VALUES (:sender, :kind, :at, '{}')"
        with store.begin() as session:
            session.execute(text(insert), facts)

    return add


def test_rasas_old_sessions_go_the_running_one_and_a_held_one_stay(
    sqlite_template: Path, tracker: Database, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'crm.db'}")
    database.dispose()
    (tmp_path / "crm.db").write_bytes(sqlite_template.read_bytes())
    add = _event(tracker)
    held = _spoke(database, 1, LONG_AGO)
    _complain(database, held)
    for sender in ("account-7", f"account-{held.account_id}"):  # silent for long
        add(sender, "session_started", 300)
        add(sender, "user", 299)
    for kind, days in (("session_started", 200), ("user", 199), ("session_started", 100), ("slot", 100), ("user", 1)):
        add("account-8", kind, days)  # the newest session began long ago and is still spoken in
    add("account-9", "session_started", 200)
    add("account-9", "session_started", 5)  # an old session before a young one
    with database.read() as session:
        assert purge.count(session, NOW)["tracker_events"] == 5
    assert purge.run(_doors(database), NOW)["tracker_events"] == 5
    assert tracker_events.count(tracker, NOW - timedelta(days=90), []) == 2  # the held ones
    with tracker.read() as session:
        left = session.execute(text("SELECT sender_id, count(*) FROM events GROUP BY sender_id ORDER BY sender_id"))
        assert [tuple(row) for row in left] == [(f"account-{held.account_id}", 2), ("account-8", 3), ("account-9", 1)]
    database.dispose()


def test_what_waits_for_a_bot_that_is_gone_ends_with_its_reason(database: Database) -> None:
    with database.begin() as session, time_machine.travel(NOW - timedelta(days=2), tick=False):
        own = factories.conversation(session, 1)
        served, gone = (customers.meet(session, Caller(settings().bot_id + n, 1, "Hạnh")) for n in (1, 2))
        for talk in (own, served, gone):
            outbox.enqueue(session, talk.account, Content("dạ"), kind=OutboxKind.CARE)
        # The gone one's process was killed: its number stays, and nobody buries it.
        workers.enlist(session, gone.account.bot_id, "cũ", 0)
    with database.begin() as session:
        workers.enlist(session, served.account.bot_id, "kia", 15)
    assert purge.run(_doors(database), NOW)["of_another_bot"] == 1
    with database.read() as session:
        found = {row.bot_id: (row.state, row.reason) for row in session.scalars(select(Outbox))}
    waits = (OutboxState.QUEUED, None)
    assert found[own.account.bot_id] == found[served.account.bot_id] == waits
    assert found[gone.account.bot_id] == (OutboxState.SKIPPED, "bot_gone")
