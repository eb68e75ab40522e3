"""What did not reach its customer: who is called, and where it is listed."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, consents, dispatch, escalations, health, outbox
from crm.dispatch import Letter, Outcome
from crm.models.conversations import Escalation, EscalationReason, Mode
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import Purpose
from crm.outbox import Content
from crm.settings import settings
from tests.crm import factories

NOON = "2026-11-24T05:00:00Z"
BOT = settings().bot_id


def claimed(
    session: Session, kind: OutboxKind = OutboxKind.REPLY, purpose: Purpose = Purpose.SERVICE, text: str = "Dạ shop có"
) -> tuple[Outbox, Letter]:
    account = factories.conversation(session).account
    if purpose is not Purpose.SERVICE:
        consents.record(session, account.customer_id, purpose, granted=True, channel="test")
    row = outbox.enqueue(session, account, Content(text), kind=kind, purpose=purpose)
    assert row is not None
    session.flush()
    return row, again(session, row)


def again(session: Session, row: Outbox) -> Letter:
    """Claims the row as if its time had come."""
    row.not_before, row.account.quiet_until = clock.now(), None
    session.flush()
    (letter,) = dispatch.claim(session, settings(), 1, 10)
    return letter


def calls(session: Session) -> list[Escalation]:
    return list(session.scalars(select(Escalation)))


@pytest.mark.parametrize("kind", [OutboxKind.REPLY, OutboxKind.CARE])
@time_machine.travel(NOON, tick=False)
def test_an_answer_that_telegram_refuses_calls_a_person_and_the_assistant_goes_on(
    session: Session, kind: OutboxKind
) -> None:
    row, letter = claimed(session, kind, text="Dạ, đơn của chị\nđang giao ạ " + "x" * 200)
    factories.settle(session, letter, Outcome.REJECTED, reason="Bad Request: message is too long")
    (call,) = calls(session)
    assert call.reason is EscalationReason.TECHNICAL
    assert call.note.startswith("Khách chưa nhận được tin: “Dạ, đơn của chị đang giao ạ")
    assert len(call.note) < 200
    assert call.conversation.mode is Mode.ASSISTANT
    assert outbox.undelivered(session, BOT, clock.now() - timedelta(hours=1)) == [row]


@time_machine.travel(NOON, tick=False)
def test_an_unclear_answer_is_sent_once_more_after_a_pause_and_then_a_person_is_called(session: Session) -> None:
    row, letter = claimed(session)
    factories.settle(session, letter, Outcome.AMBIGUOUS, reason="TimedOut")
    assert row.state is OutboxState.QUEUED
    assert (row.not_before - clock.now()).total_seconds() == dispatch.RESEND_AFTER_S > 0
    assert calls(session) == []
    factories.settle(session, again(session, row), Outcome.AMBIGUOUS, reason="TimedOut")
    assert [ended.state for ended in session.scalars(select(Outbox))] == [OutboxState.UNKNOWN]
    (call,) = calls(session)
    assert "Không rõ" in call.note


@time_machine.travel(NOON, tick=False)
def test_what_a_dead_sender_leaves_unclear_twice_calls_a_person_too(session: Session) -> None:
    row, _ = claimed(session)
    dispatch.recover(session, BOT)
    again(session, row)
    dispatch.recover(session, BOT)
    assert row.state is OutboxState.UNKNOWN
    assert len(calls(session)) == 1


@time_machine.travel(NOON, tick=False)
def test_a_second_message_that_is_lost_is_added_to_the_call_that_waits(session: Session) -> None:
    for text in ("một", "hai", "hai"):
        _, letter = claimed(session, text=text)
        factories.settle(session, letter, Outcome.REJECTED)
    (call,) = calls(session)
    assert call.note.count("“một”") == call.note.count("“hai”") == 1


@pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.GREETINGS])
@time_machine.travel(NOON, tick=False)
def test_nobody_is_called_for_what_the_customer_does_not_wait_for(session: Session, purpose: Purpose) -> None:
    kind = OutboxKind.MARKETING if purpose is Purpose.MARKETING else OutboxKind.CARE
    row, letter = claimed(session, kind, purpose)
    factories.settle(session, letter, Outcome.REJECTED)
    assert row.state is OutboxState.FAILED
    assert calls(session) == []


def test_nobody_is_called_to_a_chat_that_the_customer_has_shut(session: Session) -> None:
    row, letter = claimed(session)
    factories.settle(session, letter, Outcome.UNREACHABLE, reason="Forbidden: bot was blocked by the user")
    assert row.state is OutboxState.FAILED
    assert calls(session) == []


def test_the_outcome_is_written_even_where_nobody_can_be_called(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(escalations, "open_for", broken)
    row, letter = claimed(session)
    factories.settle(session, letter, Outcome.REJECTED)
    session.expire_all()
    assert row.state is OutboxState.FAILED


@time_machine.travel(NOON, tick=False)
def test_the_list_is_of_answers_and_care_newest_first_and_of_one_chat_where_asked(session: Session) -> None:
    rows = []
    for kind, purpose in ((OutboxKind.REPLY, Purpose.SERVICE), (OutboxKind.CARE, Purpose.SERVICE)):
        row, letter = claimed(session, kind, purpose)
        factories.settle(session, letter, Outcome.REJECTED)
        rows.append(row)
    _, letter = claimed(session, OutboxKind.MARKETING, Purpose.MARKETING)
    factories.settle(session, letter, Outcome.REJECTED)
    hour_ago = clock.now() - timedelta(hours=1)
    assert outbox.undelivered(session, BOT, hour_ago) == rows[::-1]
    assert outbox.undelivered(session, BOT, hour_ago, limit=1) == rows[1:]
    assert outbox.undelivered(session, BOT, hour_ago, account_id=rows[0].account_id + 1) == []
    assert outbox.undelivered(session, BOT, clock.now() + timedelta(seconds=1)) == []


@time_machine.travel(NOON, tick=False)
def test_health_counts_them_and_says_what_to_do(session: Session) -> None:
    for purpose, kind in ((Purpose.SERVICE, OutboxKind.REPLY), (Purpose.MARKETING, OutboxKind.MARKETING)):
        _, letter = claimed(session, kind, purpose)
        factories.settle(session, letter, Outcome.REJECTED)
    found = health.problems(session, BOT)
    assert [problem.red for problem in found] == [False, False]
    assert "1 messages of broadcasts" in found[0].what
    assert "1 answers to customers were not delivered" in found[1].what
    assert "of 0 nobody knows" in found[1].what


def test_a_retry_does_not_make_an_answer_younger(session: Session) -> None:
    with time_machine.travel(NOON, tick=False) as traveller:
        row, letter = claimed(session)
        traveller.shift(61)
        factories.settle(session, letter, Outcome.NOT_REACHED, wait_s=15)
        assert row.not_before > clock.now()
        assert any("an answer has waited" in problem.what for problem in health.problems(session, BOT))
