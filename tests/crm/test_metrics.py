from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy.orm import Session

from crm import clock, consents, escalations, health, housekeeping, inbound, metrics, outbox
from crm.inbound import Arrival
from crm.models.conversations import EscalationReason
from crm.models.messaging import Inbound, Outbox, OutboxKind, OutboxState
from crm.models.people import Purpose
from crm.outbox import Content
from crm.settings import settings
from tests.crm import factories

NOON = datetime.fromisoformat("2027-02-06T12:00:00+07:00")


@pytest.fixture(autouse=True)
def hand() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def _read(session: Session) -> dict[str, dict[tuple[str, ...], float]]:
    session.flush()
    return {figure.name: dict(figure.samples) for figure in metrics.figures(session, clock.now())}


def _message(session: Session, kind: OutboxKind, **values: Any) -> None:
    talk = factories.conversation(session)
    row = outbox.enqueue(session, talk.account, Content("x"), kind=kind)
    assert row is not None
    for name, value in values.items():
        setattr(row, name, value)


def test_nothing_waits_in_an_empty_shop(session: Session) -> None:
    read = _read(session)
    assert read["trian_inbound_oldest_seconds"] == {(): 0.0}
    assert read["trian_outbox_oldest_seconds"] == {("reply",): 0.0, ("care",): 0.0, ("marketing",): 0.0}
    assert read["trian_dead_letters"] == {("inbound",): 0.0, ("outbox",): 0.0}
    assert read["trian_consent_withdrawals"] == {("service",): 0.0, ("greetings",): 0.0, ("marketing",): 0.0}


def test_the_age_of_a_queue_is_that_of_its_oldest_due_message(session: Session) -> None:
    for kind, minutes in ((OutboxKind.REPLY, 1), (OutboxKind.REPLY, 5), (OutboxKind.CARE, -30)):
        _message(session, kind, not_before=NOON - timedelta(minutes=minutes))
    _message(session, OutboxKind.MARKETING, not_before=NOON - timedelta(hours=1), state=OutboxState.SENT)
    read = _read(session)
    assert read["trian_outbox_oldest_seconds"] == {("reply",): 300.0, ("care",): 0.0, ("marketing",): 0.0}
    assert read["trian_outbox_messages"] == {
        ("reply", "queued"): 2.0,
        ("care", "queued"): 1.0,
        ("marketing", "sent"): 1.0,
    }


def test_reasons_are_words_and_what_telegram_said_is_other(session: Session) -> None:
    for state, reason in (
        (OutboxState.SKIPPED, "no_consent"),
        (OutboxState.SKIPPED, "no_consent"),
        (OutboxState.FAILED, "Bad Request: message of Nguyễn Thị Hạnh is too long"),
        (OutboxState.FAILED, None),
    ):
        _message(session, OutboxKind.MARKETING, state=state, reason=reason)
    read = _read(session)
    assert read["trian_outbox_unsent"] == {("skipped", "no_consent"): 2.0, ("failed", "other"): 2.0}
    assert read["trian_dead_letters"][("outbox",)] == 2.0


def test_the_send_rate_is_that_of_the_last_minute(session: Session) -> None:
    for seconds in (1, 30, 59, 61):
        _message(session, OutboxKind.CARE, state=OutboxState.SENT, sent_at=NOON - timedelta(seconds=seconds))
    assert _read(session)["trian_outbox_sent_per_second"][("care",)] == 3 / 60


def test_updates_their_age_and_their_times(session: Session, hand: Any) -> None:
    inbound.store(session, settings().bot_id, [Arrival(number, number, {}) for number in range(4)])
    rows = session.query(Inbound).order_by(Inbound.update_id).all()
    hand.shift(7)
    inbound.finish(session, rows[0].id)
    for _ in range(inbound.MAX_ATTEMPTS):
        inbound.fail(session, rows[1].id, "trouble")
    hand.shift(3)
    read = _read(session)
    assert read["trian_inbound_updates"] == {("pending",): 2.0, ("done",): 1.0, ("dead",): 1.0}
    assert read["trian_inbound_oldest_seconds"] == {(): 10.0}
    assert read["trian_dead_letters"][("inbound",)] == 1.0
    (time,) = metrics.turn_times(session, NOON)
    assert (time.inbound_id, time.seconds) == (rows[0].id, 7.0)
    assert metrics.turn_times(session, NOON + timedelta(seconds=8)) == []


def test_signs_of_life_stops_calls_for_a_person_and_the_house(session: Session, hand: Any) -> None:
    talk = factories.conversation(session)
    health.beat(session, "bot", "serving")
    consents.record(session, talk.customer_id, Purpose.MARKETING, granted=False, channel="telegram")
    escalations.open_for(session, talk, EscalationReason.ASKED)
    housekeeping.begin(session, housekeeping.PURGE, NOON).finished_at = NOON
    hand.shift(90)
    read = _read(session)
    assert read["trian_heartbeat_age_seconds"] == {("bot",): 90.0}
    assert read["trian_consent_withdrawals"][("marketing",)] == 1.0
    assert read["trian_escalations"] == {("open",): 1.0, ("claimed",): 0.0}
    assert read["trian_escalation_oldest_seconds"] == {("open",): 90.0, ("claimed",): 0.0}
    assert read["trian_housekeeping_age_seconds"] == {("purge",): 90.0}
    assert session.query(Outbox).count() == 0
