import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from crm import (
    clock,
    complaints,
    consents,
    customers,
    erasure_journal,
    message_search,
    personal_data_erase,
    personal_data_export,
    personal_data_requests,
)
from crm import tracker_events as tracker
from crm.complaints import Report
from crm.customers import Caller
from crm.db import Database
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.models.campaigns import Campaign, CampaignRecipient
from crm.models.conversations import Conversation, Message
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import ChannelAccount, Customer, Purpose
from crm.models.privacy import DataExport, Erasure, PrivacyRequest, RequestKind, RequestState
from crm.models.service import StaffNotice
from crm.models.staff import Role
from crm.personal_data_erase import LegalHold
from crm.personal_data_map import places
from crm.personal_data_rules import KEPT, OUTBOX
from crm.settings import settings
from tests.crm import factories, traces

MARK = "Xyzzyquang"
CHAT = 987_654_321


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A var/ and a tracker of the test's own."""
    monkeypatch.setenv("TRIAN_VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("TRIAN_TRACKER_URL", f"sqlite:///{tmp_path}/tracker.db")
    settings.cache_clear()
    (tmp_path / "var" / "attachments").mkdir(parents=True)
    yield tmp_path / "var"
    settings.cache_clear()


def _remember(tmp_path: Path, account_id: int, words: str) -> None:
    store = Database(settings().tracker_url)
    tracker.EVENTS.create(store.engine, checkfirst=True)
    with store.begin() as session:
        row = {"sender_id": f"account-{account_id}", "type_name": "user", "timestamp": 1.0, "data": json.dumps(words)}
        session.execute(tracker.EVENTS.insert().values(row))
    store.dispose()


def _photo(var: Path, session: Session, talk_id: int, name: str) -> Path:
    photo = var / "attachments" / name
    photo.write_bytes(b"jpeg")
    session.add(
        Message(
            conversation_id=talk_id,
            direction="in",
            author="customer",
            text=MARK,
            attachments=[{"kind": "photo", "path": name, "name": "a"}],
            at=clock.now(),
        )
    )
    session.flush()
    return photo


def test_erased_everywhere_and_a_tombstone_stays(database: Database, tmp_path: Path, var: Path) -> None:
    with database.begin() as session:
        talk = traces.leave(session, MARK)
        photo = _photo(var, session, talk.id, "anh.jpg")
        neighbour = factories.conversation(session, 4, "Lê Thị Còn")
        kept_photo = _photo(var, session, neighbour.id, "khac.jpg")
        session.execute(update(Message).where(Message.conversation_id == neighbour.id).values(text="ở lại"))
        number, account = talk.customer_id, talk.account_id
        staffs_own = traces.tell_staff(session, MARK, number, 77)
        assert message_search.find(session, MARK, limit=90)[0].conversation_id == staffs_own
        export = personal_data_export.make(session, number, None)
        before = traces.everything(session)
    assert before.count(MARK) > 40
    _remember(tmp_path, account, MARK)
    _remember(tmp_path, neighbour.account_id, "ở lại")

    erasure = personal_data_erase.erase(database, number)

    with database.read() as session:
        after = traces.everything(session)
        assert MARK.lower() not in after.lower()
        assert str(CHAT) not in after
        assert "0912777888" not in after
        assert "Lê Thị Còn" in after
        assert "ở lại" in after
        shell = session.get_one(Customer, number)
        assert (shell.name, shell.phone, shell.gone_at is not None) == ("", None, True)
        assert session.scalar(select(func.count()).select_from(Erasure)) == 1
        assert personal_data_erase.unfinished(session) == [erasure.id]
        assert message_search.find(session, MARK) == []
        assert session.get_one(Conversation, staffs_own).account.reachable
    assert not photo.exists()
    assert kept_photo.exists()
    assert not (var / "exports" / export.name).exists()
    assert _memories(tmp_path) == ["account-" + str(neighbour.account_id)]
    journal = erasure_journal.place().read_text()
    assert MARK not in journal
    assert str(CHAT) not in journal
    assert str(number) in journal
    if database.engine.dialect.name == "sqlite":
        raw = b"".join(path.read_bytes() for path in tmp_path.glob("*.db*"))
        assert MARK.lower().encode() not in raw.lower()
        assert b"0912777888" not in raw


def _memories(tmp_path: Path) -> list[str]:
    store = Database(settings().tracker_url)
    with store.read() as session:
        names = list(session.scalars(select(tracker.EVENTS.c.sender_id)))
    store.dispose()
    return names


def test_what_a_turn_under_way_wrote_is_swept_a_minute_later(database: Database, tmp_path: Path) -> None:
    with database.begin() as session:
        talk = factories.conversation(session)
    _remember(tmp_path, talk.account_id, "trước")
    erasure = personal_data_erase.erase(database, talk.customer_id)
    _remember(tmp_path, talk.account_id, "muộn")
    assert personal_data_erase.finish(database, erasure.id, clock.now() + timedelta(minutes=2))
    assert _memories(tmp_path) == []
    with database.read() as session:
        assert personal_data_erase.unfinished(session) == []


def test_an_open_complaint_holds_the_erasure(database: Database) -> None:
    with database.begin() as session:
        talk = factories.conversation(session)
        complaints.submit(session, talk.customer, talk, Report("Máy kêu to"))
    with pytest.raises(LegalHold):
        personal_data_erase.erase(database, talk.customer_id)
    with database.read() as session:
        assert session.get_one(Customer, talk.customer_id).name == "Nguyễn Thị Hạnh"


def test_whoever_writes_again_is_somebody_new(database: Database) -> None:
    with database.begin() as session:
        talk = factories.conversation(session)
    personal_data_erase.erase(database, talk.customer_id)
    with database.begin() as session:
        again = customers.meet(session, Caller(settings().bot_id, 1001, "Hạnh"))
        assert again.customer_id != talk.customer_id
        assert again.account_id != talk.account_id
    with pytest.raises(NotFound):
        personal_data_erase.erase(database, talk.customer_id)


def test_a_restored_backup_forgets_them_again(database: Database, session: Session) -> None:
    """The journal outlives the database; the person is known by number, or only by the chat, or not at all any more."""
    first, second = factories.conversation(session, 1), factories.conversation(session, 2, "Trần Văn Hai")
    third = factories.conversation(session, 3, "Vũ Thị Ba")
    session.commit()
    for talk in (first, second):
        personal_data_erase.erase(database, talk.customer_id)
    back = {1: first, 2: second}
    with database.begin() as later:  # as the backup had them; the second under another number
        for chat_id, talk in back.items():
            account = later.get_one(ChannelAccount, talk.account_id)
            account.channel, account.bot_id, account.chat_id = "telegram", settings().bot_id, chat_id
            customer = later.get_one(Customer, talk.customer_id)
            customer.gone_at, customer.name = None, "Từ Bản Sao"
        later.get_one(Customer, second.customer_id).created_at = clock.now() - timedelta(days=9)
    with database.begin() as later:
        assert personal_data_erase.reapply(later, [erasure_journal.place()]).erased == 2
        assert personal_data_erase.reapply(later, [erasure_journal.place()]).erased == 0
        assert "Từ Bản Sao" not in traces.everything(later)
        assert later.get_one(Customer, third.customer_id).name == "Vũ Thị Ba"


def test_broadcast_figures_outlive_the_people(session: Session) -> None:
    talk = traces.leave(session, MARK)
    [outgoing] = session.scalars(select(Outbox))
    outgoing.campaign_id, outgoing.state = session.scalar(select(Campaign.id)), OutboxState.QUEUED
    session.flush()
    personal_data_erase.erase_rows(session, talk.customer_id, None)
    [left] = session.scalars(select(Outbox))
    assert (left.body, left.state, left.reason) == ({}, OutboxState.SKIPPED, "erased")
    assert list(session.scalars(select(CampaignRecipient.customer_id))) == [None]


def test_whatever_a_kept_row_refers_to_can_be_taken_from_it() -> None:
    """A kept row that must refer to one that goes could not be kept: the erasure would fail."""
    for place in places():
        if place.table.name in KEPT:
            stuck = [x for x in place.links if x.parent not in (*KEPT, OUTBOX) and not x.column.nullable]
            assert not stuck, place.table.name


def test_the_copy_holds_every_store_and_nothing_of_the_staff(session: Session, tmp_path: Path, var: Path) -> None:
    talk = traces.leave(session, MARK)
    _photo(var, session, talk.id, "anh.jpg")
    _remember(tmp_path, talk.account_id, "nhớ gì")
    export = personal_data_export.make(session, talk.customer_id, None)
    _, path = personal_data_export.usable(session, export.name)
    with zipfile.ZipFile(path) as packed:
        assert {"data.json", "index.html", "files/anh.jpg"} == set(packed.namelist())
        data, page = json.loads(packed.read("data.json")), packed.read("index.html").decode()
    assert data["customer"]["phone"] == "0912777888"
    assert {"messages", "purchases", "complaints", "ratings", "consents", "notes"} <= set(data["tables"])
    assert data["telegram_updates"][0]["message"]["text"] == MARK
    assert data["assistant_memory"] == ["nhớ gì"]
    assert "Khiếu nại" in page
    assert "0912777888" in page
    assert "staff_id" not in json.dumps(data["tables"]["messages"])
    assert "button_tokens" not in data["tables"]


def test_a_copy_is_there_for_some_days_only(session: Session, var: Path) -> None:
    talk = factories.conversation(session)
    export = personal_data_export.make(session, talk.customer_id, None)
    path = var / "exports" / export.name
    assert personal_data_export.expire(session, clock.now()) == 0
    assert personal_data_export.expire(session, export.expires_at) == 1
    assert not path.exists()
    assert session.scalars(select(DataExport)).all() == []
    with pytest.raises(NotFound):
        personal_data_export.usable(session, export.name)


def test_another_machine_reaches_the_files_through_links_to_a_shared_disk(
    database: Database, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = var.with_name("other")
    other.mkdir()
    for name in ("attachments", "exports"):
        (other / name).symlink_to(var / name)
    with database.begin() as session:
        talk = factories.conversation(session)
        export = personal_data_export.make(session, talk.customer_id, None)
    monkeypatch.setattr(settings(), "var_dir", other)
    with database.read() as session:
        assert personal_data_export.usable(session, export.name)[1].is_file()
    personal_data_erase.erase(database, talk.customer_id)
    assert list((var / "exports").iterdir()) == []


def test_a_request_runs_through_its_states(session: Session) -> None:
    talk, lead = factories.conversation(session), factories.agent(session, "truong", Role.LEAD)
    request = personal_data_requests.receive(session, talk.customer_id, RequestKind.EXPORT, channel="telegram")
    again = personal_data_requests.receive(session, talk.customer_id, RequestKind.EXPORT, channel="telegram")
    assert again is request
    assert request.due_at - request.received_at == timedelta(days=settings().privacy_days)
    assert [notice.staff_id for notice in session.scalars(select(StaffNotice))] == [lead.id]
    personal_data_requests.move(session, request, RequestState.IN_PROGRESS, lead)
    with pytest.raises(InvalidInput):
        personal_data_requests.refuse(session, request, lead, "  ")
    personal_data_requests.refuse(session, request, lead, "Chưa xác minh được chủ số")
    [letter] = session.scalars(select(Outbox).where(Outbox.account_id == talk.account_id))
    assert "Chưa xác minh được chủ số" in letter.body["text"]
    with pytest.raises(IllegalTransition):
        personal_data_requests.move(session, request, RequestState.DONE, lead)


def test_withdrawing_takes_back_every_consent(session: Session) -> None:
    talk = factories.conversation(session)
    for purpose in (Purpose.MARKETING, Purpose.GREETINGS):
        consents.record(session, talk.customer_id, purpose, granted=True, channel="test")
    request = personal_data_requests.receive(session, talk.customer_id, RequestKind.WITHDRAW, channel="phone")
    personal_data_requests.withdraw(session, request, factories.agent(session))
    session.flush()
    assert not any(consents.granted(session, talk.customer_id, p) for p in (Purpose.MARKETING, Purpose.GREETINGS))
    assert request.state is RequestState.DONE


def test_staff_are_reminded_once_a_day_and_the_last_day_is_kept(session: Session) -> None:
    factories.agent(session, "truong", Role.LEAD)
    talk = factories.conversation(session)
    request = personal_data_requests.receive(session, talk.customer_id, RequestKind.ERASE, channel="telegram")
    assert personal_data_requests.remind(session, request.received_at) == 0
    near = request.due_at - timedelta(days=1)
    assert [personal_data_requests.remind(session, near + timedelta(hours=h)) for h in (0, 5, 25)] == [1, 0, 1]
    assert personal_data_requests.erasures_due(session, request.received_at) == []
    assert personal_data_requests.erasures_due(session, near) == [talk.customer_id]
    complaint = complaints.submit(session, talk.customer, talk, Report("Máy kêu to"))
    assert personal_data_requests.erasures_due(session, near) == []
    session.delete(complaint.events[0])
    assert session.scalar(select(func.count()).select_from(PrivacyRequest)) == 1
