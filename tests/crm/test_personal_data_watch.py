from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from crm import clock, complaints, personal_data_requests, personal_data_watch
from crm.complaints import Report
from crm.db import Database
from crm.models.messaging import Outbox
from crm.models.people import Customer
from crm.models.privacy import PrivacyRequest, RequestKind, RequestState
from crm.settings import settings
from tests.crm import factories


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TRIAN_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("TRIAN_TRACKER_URL", f"sqlite:///{tmp_path}/tracker.db")
    settings.cache_clear()
    yield
    settings.cache_clear()


def _asked(database: Database, kind: RequestKind) -> PrivacyRequest:
    with database.begin() as session:
        talk = factories.conversation(session)
        return personal_data_requests.receive(
            session, talk.customer_id, kind, channel="telegram", account_id=talk.account_id
        )


def test_a_copy_asked_for_in_the_chat_is_sent_there(database: Database, tmp_path: Path) -> None:
    request = _asked(database, RequestKind.EXPORT)
    counts = personal_data_watch.run(database, database.begin, clock.now())
    assert counts["copies"] == 1
    with database.read() as session:
        [letter] = session.scalars(select(Outbox))
        assert (tmp_path / letter.body["document"]).is_file()
        assert session.get_one(PrivacyRequest, request.id).state is RequestState.DONE
    assert "copies" not in personal_data_watch.run(database, database.begin, clock.now())


def test_an_erasure_nobody_did_is_done_on_its_last_day(database: Database) -> None:
    request = _asked(database, RequestKind.ERASE)
    assert "erased" not in personal_data_watch.run(database, database.begin, request.received_at)
    personal_data_watch.run(database, database.begin, request.due_at - timedelta(hours=5))
    with database.read() as session:
        assert session.get_one(Customer, request.customer_id).gone_at is not None
        done = session.get_one(PrivacyRequest, request.id)
        assert (done.state, done.said) == (RequestState.DONE, "")
        assert done.closed_at is not None
        assert done.closed_at <= done.due_at


def test_erasures_that_are_held_do_not_starve_the_others(database: Database) -> None:
    with database.begin() as session:
        for number in range(23):
            talk = factories.conversation(session, number)
            if number < 22:
                complaints.submit(session, talk.customer, talk, Report("Máy kêu to"))
            asked = {"channel": "telegram", "account_id": talk.account_id}
            request = personal_data_requests.receive(session, talk.customer_id, RequestKind.ERASE, **asked)
    assert personal_data_watch.run(database, database.begin, request.due_at)["erased"] == 1
    with database.read() as session:
        assert session.get_one(Customer, request.customer_id).gone_at is not None


def test_duplicates_are_looked_for_once_a_day(database: Database) -> None:
    with database.begin() as session:
        for name in ("Trần Mai", "Mai Trần"):
            session.add(Customer(name=name, name_folded=name.lower(), phone="0912345678", created_at=clock.now()))
    assert personal_data_watch.run(database, database.begin, clock.now())["alike"] == 1
    assert "alike" not in personal_data_watch.run(database, database.begin, clock.now())
