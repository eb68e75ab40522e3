from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, complaints, examples, knowledge, purge, retention_review, review, sightings
from crm.complaints import Report
from crm.db import Database
from crm.models.care import Complaint, ComplaintState
from crm.models.catalogue import KnowledgeFeedback, KnowledgeFeedbackKind
from crm.models.conversations import Conversation
from crm.models.review import NluExample, ReviewEntry, ReviewSighting
from crm.purge import Doors
from crm.settings import settings
from crm.sightings import Heard
from tests.crm import factories

pytestmark = pytest.mark.usefixtures("embedded")

NOW = clock.at_local(date(2027, 3, 1), 4, settings().zone)
LONG_AGO = NOW - timedelta(days=400)
UNSURE = Heard("nlu_fallback", 0.3, [{"name": "warranty", "confidence": 0.3}], "trian-1.tar.gz")
INTENTS = ["warranty"]


@pytest.fixture(autouse=True)
def _at_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings(), "var_dir", tmp_path)
    monkeypatch.setattr(settings(), "tracker_url", f"sqlite:///{tmp_path}/tracker.db")
    with time_machine.travel(NOW, tick=False):
        yield


def _hear(session: Session, talk: Conversation, turn: str, text: str) -> None:
    ids = {"customer_id": talk.customer_id, "conversation_id": talk.id}
    assert sightings.notice(session, text, UNSURE, turn_id=turn, **ids) is not None


def _purge(database: Database) -> dict[str, int]:
    counts = purge.run(Doors(database.read, database.begin, lambda: False), NOW)
    return {kind: number for kind, number in counts.items() if number}


def _texts(session: Session, model: type[ReviewSighting | ReviewEntry | NluExample]) -> list[str]:
    return sorted(session.scalars(select(model.text)))


def test_the_queue_forgets_and_an_entry_reads_as_what_is_left_of_it(database: Database) -> None:
    with time_machine.travel(LONG_AGO, tick=False), database.begin() as session:
        talk = factories.conversation(session)
        _hear(session, talk, "t1", "treo tivi dùm đc hông")
        _hear(session, talk, "t2", "lấy sỉ sao")
        knowledge.record_feedback(session, talk.customer_id, KnowledgeFeedbackKind.NOT_HELPFUL, "máy kêu to", None)
        knowledge.record_feedback(session, talk.customer_id, KnowledgeFeedbackKind.HELPFUL, "máy kêu nhỏ", None)
        sightings.collect(session, "test")
    with database.begin() as session:
        _hear(session, session.get_one(Conversation, talk.id), "t3", "treo tivi dum dc khong")
        sightings.collect(session, "test")
    with database.read() as session:
        expected = purge.count(session, NOW)
    assert _purge(database) == {"knowledge_feedback": 2, "review_sightings": 3, "review_entries": 2}
    assert (expected["knowledge_feedback"], expected["review_sightings"]) == (2, 3)
    with database.begin() as session:
        assert _texts(session, ReviewSighting) == _texts(session, ReviewEntry) == ["treo tivi dum dc khong"]
        entry = session.scalars(select(ReviewEntry)).one()
        assert entry.count == 2
        _hear(session, session.get_one(Conversation, talk.id), "t4", "treo tivi dùm đc hông")
        sightings.collect(session, "test")
        assert entry.count == 3, "it is known for the same as before"
    assert _purge(database) == {}


def test_old_feedback_does_not_come_into_the_queue_on_its_way_out(database: Database) -> None:
    with database.begin() as session:
        with time_machine.travel(LONG_AGO, tick=False):
            talk = factories.conversation(session)
            knowledge.record_feedback(session, talk.customer_id, KnowledgeFeedbackKind.UNANSWERED, "máy kêu to", None)
        assert sightings.collect(session, "test") == 0


def test_an_example_outlives_its_entry_and_goes_at_its_own_age(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(LONG_AGO, tick=False), database.begin() as session:
        talk, lan = factories.conversation(session), factories.agent(session)
        for turn, text in (("t1", "hàng xịt thì ai chịu"), ("t2", "lấy sỉ sao")):
            _hear(session, talk, turn, text)
        sightings.collect(session, "test")
        for entry in session.scalars(select(ReviewEntry)).all():
            review.assign(session, lan, entry.id, "warranty", INTENTS)
        review.undo(session, lan, entry.id)
        withdrawn = entry.text
    assert _purge(database) == {"review_sightings": 2, "review_entries": 2, "nlu_examples": 1}
    with database.read() as session:
        (kept,) = examples.active(session)
        assert (kept.entry_id, kept.customer_id) == (None, talk.customer_id)
        assert kept.text != withdrawn
        assert "entry: null" in examples.as_training_data(session)
    monkeypatch.setattr(settings(), "retention_examples_days", 399)
    assert _purge(database) == {"nlu_examples": 1}


def test_an_open_complaint_holds_what_its_customer_wrote(database: Database) -> None:
    with time_machine.travel(LONG_AGO, tick=False), database.begin() as session:
        talk = factories.conversation(session)
        _hear(session, talk, "t1", "lấy sỉ sao")
        knowledge.record_feedback(session, talk.customer_id, KnowledgeFeedbackKind.HELPFUL, "máy kêu to", None)
        complaints.submit(session, talk.customer, talk, Report("Máy hỏng"))
    assert _purge(database) == {}
    with database.begin() as session:
        session.query(Complaint).one().state = ComplaintState.CLOSED
    assert _purge(database) == {"knowledge_feedback": 1, "review_sightings": 1}


def test_what_one_customer_wrote_is_forgotten_at_once_and_what_others_wrote_stays(session: Session) -> None:
    hanh, binh = factories.conversation(session), factories.conversation(session, 1002, "Trần Văn Bình")
    lan = factories.agent(session)
    _hear(session, hanh, "t1", "treo tivi dùm đc hông")
    _hear(session, binh, "t2", "treo tivi dum dc khong")
    _hear(session, hanh, "t3", "mẹ em nằm viện nên chưa qua lấy máy được")
    _hear(session, hanh, "t4", "lấy sỉ sao")
    _hear(session, binh, "t5", "lấy sỉ sao")
    knowledge.record_feedback(session, hanh.customer_id, KnowledgeFeedbackKind.UNANSWERED, "máy kêu to", None)
    sightings.collect(session, "test")
    sightings.collect(session, "test")
    for entry in session.scalars(select(ReviewEntry)).all():
        review.assign(session, lan, entry.id, "warranty", INTENTS)
    done = retention_review.forget_customer(session, hanh.customer_id)
    assert (done.sightings, done.feedback) == (4, 1)
    assert _texts(session, ReviewSighting) == _texts(session, ReviewEntry) == ["lấy sỉ sao", "treo tivi dum dc khong"]
    assert _texts(session, NluExample) == ["lấy sỉ sao", "treo tivi dum dc khong"]
    assert session.scalars(select(KnowledgeFeedback)).all() == []
    assert all("vien" not in key for key in session.scalars(select(ReviewEntry.key)))
