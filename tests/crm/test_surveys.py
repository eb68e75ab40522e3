"""A question that has not reached the customer goes with the answer it asks about, and comes with the next one."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm import clock, complaints, dispatch, resending, surveys
from crm.complaints import Report
from crm.dispatch import Outcome
from crm.models.care import Complaint
from crm.models.messaging import Outbox, OutboxState
from crm.models.staff import Staff
from tests.crm import factories
from tests.crm.dispatch_steps import claim

EVENING = "2026-11-24T15:05:00Z"  # 22:05 in Việt Nam, when nobody is asked anything any more
TO_MORNING = timedelta(hours=9)
HOUR = timedelta(hours=1)


@pytest.fixture
def hand() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(EVENING, tick=False) as traveller:
        yield traveller


def _asked(session: Session) -> tuple[Complaint, Staff, Outbox]:
    """A case whose answer has arrived, and its question on its way."""
    talk, lan = factories.conversation(session), factories.agent(session)
    case = complaints.submit(session, talk.customer, talk, Report("máy kêu to"))
    complaints.resolve(session, case, lan, "Xong rồi ạ")
    session.execute(update(Outbox).values(state=OutboxState.SENT))
    assert surveys.ask_due(session, clock.now() + timedelta(days=1)) == 1
    return case, lan, _questions(session)[0]


def _questions(session: Session) -> list[Outbox]:
    rows = session.scalars(select(Outbox).order_by(Outbox.id)).all()
    return [row for row in rows if len(row.body.get("buttons", [[]])[0]) == 5]


def _settled_and_asked_anew(session: Session, case: Complaint, lan: Staff) -> bool:
    before = len(_questions(session))
    complaints.resolve(session, case, lan, "Xong hẳn ạ")
    surveys.ask_due(session, clock.now() + timedelta(days=1))
    return len(_questions(session)) == before + 1


def test_a_question_of_the_night_is_taken_back_when_the_case_is_taken_up_again(
    session: Session, hand: time_machine.Traveller
) -> None:
    case, lan, question = _asked(session)
    assert claim(session) == []
    complaints.reopen_for_customer(session, case, "chưa xong")
    assert surveys.awaited(session, case.customer_id, clock.now()) is None
    hand.shift(TO_MORNING)
    assert claim(session) == []
    assert (question.state, question.reason) == (OutboxState.SKIPPED, surveys.TAKEN_UP_AGAIN)
    assert _settled_and_asked_anew(session, case, lan)
    assert _questions(session)[-1].state is OutboxState.QUEUED
    assert surveys.awaited(session, case.customer_id, clock.now()) == case.id


def test_a_question_that_is_just_being_sent_is_not_tried_again(session: Session, hand: time_machine.Traveller) -> None:
    hand.shift(TO_MORNING)
    case, lan, question = _asked(session)
    [letter] = claim(session)
    assert letter.outbox_id == question.id
    complaints.reopen_for_customer(session, case, "chưa xong")
    factories.settle(session, letter, Outcome.NOT_REACHED)
    hand.shift(HOUR)
    assert claim(session) == []
    assert question.state is OutboxState.EXPIRED
    assert _settled_and_asked_anew(session, case, lan)


@pytest.mark.parametrize("outcome", [Outcome.SENT, Outcome.AMBIGUOUS])
def test_a_question_that_may_have_arrived_is_not_asked_twice(
    session: Session, hand: time_machine.Traveller, outcome: Outcome
) -> None:
    hand.shift(TO_MORNING)
    case, lan, question = _asked(session)
    [letter] = claim(session)
    assert letter.outbox_id == question.id
    question.resends = 1
    factories.settle(session, letter, outcome)
    complaints.reopen_for_customer(session, case, "chưa xong")
    assert not _settled_and_asked_anew(session, case, lan)


def test_a_question_does_not_come_back_with_a_customer_who_can_be_reached_again(
    session: Session, hand: time_machine.Traveller
) -> None:
    hand.shift(TO_MORNING)
    case, lan, question = _asked(session)
    question.account.reachable = False
    assert claim(session) == []
    complaints.reopen_for_customer(session, case, "chưa xong")
    question.account.reachable = True
    dispatch.take_up_again(session, question.account_id)
    assert question.state is OutboxState.SKIPPED
    assert _settled_and_asked_anew(session, case, lan)


def test_a_question_sent_again_by_a_person_is_taken_back_too(session: Session, hand: time_machine.Traveller) -> None:
    case, lan, question = _asked(session)
    question.state = OutboxState.FAILED
    again = resending.send_again(session, question.id, lan)
    complaints.reopen_for_customer(session, case, "chưa xong")
    hand.shift(TO_MORNING)
    assert again.state is OutboxState.SKIPPED
    assert _settled_and_asked_anew(session, case, lan)
