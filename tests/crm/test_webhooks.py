"""Webhooks: written with what happens, claimed once, tried again, given up, forgotten."""

import json
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, complaints, consents, escalations, ratings, webhook_delivery, webhooks_out
from crm.complaints import Report
from crm.db import Database
from crm.errors import IllegalTransition
from crm.models.care import ComplaintState
from crm.models.conversations import EscalationReason
from crm.models.integration import (
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    WebhookEventType,
    WebhookState,
)
from crm.models.people import Purpose
from crm.models.service import StaffNotice
from crm.models.staff import Role
from crm.webhook_delivery import Attempt, Outcome
from tests.crm import factories

EVERYTHING = webhooks_out.SUBSCRIBABLE
PUBLIC = "https://93.184.216.34/hook"
GOOD = Outcome(200, "ok")
BAD = Outcome(500, "no")


def _endpoint(session: Session, events: tuple[WebhookEventType, ...] = EVERYTHING) -> WebhookEndpoint:
    return webhooks_out.add(session, None, "ERP", PUBLIC, events)


def _told(session: Session) -> list[tuple[WebhookEventType, dict[str, object]]]:
    return [(each.type, each.data) for each in session.scalars(select(WebhookEvent).order_by(WebhookEvent.id))]


def test_what_happens_is_told_in_numbers_and_states_only(session: Session) -> None:
    _endpoint(session)
    talk, lan = factories.conversation(session), factories.agent(session)
    complaint = complaints.submit(session, talk.customer, talk, Report("Máy không chạy, gọi 0912345678"))
    complaints.move(session, complaint, ComplaintState.IN_PROGRESS, lan, "ghi chú riêng")
    rating = ratings.rate(session, talk, 4)
    ratings.amend(session, talk, rating, 5)
    call = escalations.open_for(session, talk, EscalationReason.ASKED, note="gọi người")
    escalations.hand_back(session, call.id, lan)
    consents.record(session, talk.customer_id, Purpose.MARKETING, granted=False, channel="telegram", evidence="stop")
    session.flush()
    told = _told(session)
    wanted = ["complaint.opened", "complaint.changed", "rating.given", "rating.changed"]
    wanted += ["conversation.handed_over", "conversation.handed_back", "consent.withdrawn"]
    assert [kind.value for kind, _ in told if kind.value in wanted] == wanted
    assert told[0][1]["code"] == complaint.code
    written = json.dumps([data for _, data in told], ensure_ascii=False)
    for words in ("0912345678", "Hạnh", "ghi chú", "gọi người", "stop"):
        assert words not in written


def test_nothing_is_written_where_nobody_wants_it_and_nothing_of_what_is_rolled_back(database: Database) -> None:
    with database.begin() as session:
        ratings.rate(session, factories.conversation(session), 5)
        assert _told(session) == []
        _endpoint(session, (WebhookEventType.CONSENT_WITHDRAWN,))
        ratings.rate(session, factories.conversation(session), 5)
        assert _told(session) == []
    with Session(database.engine) as session:
        customer = factories.conversation(session).customer_id
        consents.record(session, customer, Purpose.MARKETING, granted=False, channel="telegram")
        session.flush()
        assert len(_told(session)) == 1
        session.rollback()
    with database.read() as session:
        assert _told(session) == []


def _one_due(database: Database) -> None:
    with database.begin() as session:
        _endpoint(session)
        ratings.rate(session, factories.conversation(session), 5)


def _claim(database: Database, after: timedelta = timedelta()) -> list[Attempt]:
    with database.begin() as session:
        return webhook_delivery.claim(session, clock.now() + after)


def _settle(database: Database, attempt: Attempt, outcome: Outcome) -> bool:
    with database.begin() as session:
        return webhook_delivery.settle(session, attempt, outcome)


def _delivery(database: Database) -> WebhookDelivery:
    with database.read() as session:
        return session.scalars(select(WebhookDelivery)).one()


def test_two_processes_claim_once_and_a_late_outcome_is_refused(database: Database) -> None:
    _one_due(database)
    first = _claim(database)
    assert len(first) == 1
    assert _claim(database) == []
    second = _claim(database, webhook_delivery.CLAIM + timedelta(seconds=1))
    assert [each.number for each in second] == [2]
    assert not _settle(database, first[0], BAD)
    assert _settle(database, second[0], GOOD)
    assert not _settle(database, second[0], BAD)
    assert (_delivery(database).state, _delivery(database).status) == (WebhookState.DELIVERED, 200)


def test_a_slow_endpoint_does_not_keep_the_others_waiting(database: Database) -> None:
    with database.begin() as session:
        slow = _endpoint(session, (WebhookEventType.RATING_GIVEN,))
        talk = factories.conversation(session)
        for _ in range(60):
            ratings.rate(session, talk, 5)
        other = _endpoint(session, (WebhookEventType.CONSENT_WITHDRAWN,))
        consents.record(session, talk.customer_id, Purpose.MARKETING, granted=False, channel="telegram")
    urls = [each.delivery_id for each in _claim(database)]
    with database.read() as session:
        of = [session.get_one(WebhookDelivery, number).endpoint_id for number in urls]
    assert (of.count(slow.id), of.count(other.id)) == (webhook_delivery.EACH, 1)


def test_three_days_of_failing_end_it_switch_the_endpoint_off_and_tell_the_admins(database: Database) -> None:
    _one_due(database)
    with database.begin() as session:
        factories.agent(session, "quan", Role.ADMIN)
    tries, begun = 0, clock.now()
    with time_machine.travel(begun, tick=False) as time:
        while _delivery(database).state is WebhookState.PENDING:
            time.move_to(max(_delivery(database).due_at, begun))
            [attempt] = _claim(database)
            assert _settle(database, attempt, BAD)
            tries += 1
        assert 8 <= tries <= 12
        assert timedelta(days=2) < clock.now() - begun <= webhook_delivery.PATIENCE
        time.move_to(begun + webhook_delivery.PATIENCE)
        with database.begin() as session:
            ratings.rate(session, factories.conversation(session), 4)
        [attempt] = _claim(database)
        _settle(database, attempt, BAD)
        with database.read() as session:
            endpoint = session.scalars(select(WebhookEndpoint)).one()
            assert endpoint.disabled_reason == "failing"
            notice = session.scalars(select(StaffNotice)).one()
            assert "ERP" in notice.words["text"]
            assert notice.target == f"/integrations/webhooks/{endpoint.id}"
        time.move_to(begun + timedelta(days=5))
        assert _claim(database) == []


def test_an_endpoint_that_says_gone_gets_nothing_more(database: Database) -> None:
    _one_due(database)
    [attempt] = _claim(database)
    _settle(database, attempt, Outcome(410, ""))
    with database.read() as session:
        assert session.scalars(select(WebhookEndpoint)).one().disabled_reason == "gone"
    assert _delivery(database).state is WebhookState.FAILED


def test_trying_sending_again_and_a_new_secret(database: Database) -> None:
    _one_due(database)
    [first] = _claim(database)
    _settle(database, first, GOOD)
    with database.begin() as session:
        quan = factories.agent(session, "quan", Role.ADMIN)
        webhooks_out.replay(session, quan, _delivery(database).id)
        with pytest.raises(IllegalTransition):
            webhooks_out.replay(session, quan, _delivery(database).id)
    [again] = _claim(database)
    assert (again.key, again.secret) == (first.key, first.secret)
    with database.begin() as session:
        quan = session.merge(quan)
        endpoint = session.scalars(select(WebhookEndpoint)).one()
        webhooks_out.change_secret(session, quan, endpoint.id)
        assert webhooks_out.secret(endpoint) != first.secret
        webhooks_out.test(session, quan, endpoint.id)
        webhooks_out.disable(session, quan, endpoint.id)
        with pytest.raises(IllegalTransition):
            webhooks_out.test(session, quan, endpoint.id)
    assert _claim(database) == []
    with database.begin() as session:
        webhooks_out.enable(session, session.merge(quan), 1)
    assert [json.loads(each.body)["type"] for each in _claim(database)] == ["test"]


def test_old_deliveries_are_forgotten_with_their_events(database: Database) -> None:
    _one_due(database)
    with database.begin() as session:
        assert webhook_delivery.purge(session, clock.now()) == 0
        assert webhook_delivery.purge(session, clock.now() + timedelta(days=31)) == 1
        assert _told(session) == []
