import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import escalations
from crm.errors import AlreadyHeld, IllegalTransition
from crm.models.conversations import Author, Conversation, EscalationReason, EscalationState, Message, Mode
from crm.models.messaging import Outbox
from tests.crm import factories


def test_the_assistant_is_silent_from_the_call_until_the_conversation_is_handed_back(session: Session) -> None:
    talk, staff = factories.conversation(session), factories.agent(session)
    call = escalations.open_for(session, talk, EscalationReason.ASKED)
    assert talk.mode is Mode.PEOPLE
    escalations.claim(session, call.id, staff)
    escalations.reply(session, call.id, staff, "Dạ em nghe ạ")
    escalations.hand_back(session, call.id, staff)
    assert talk.mode is Mode.ASSISTANT
    said = session.scalars(select(Message).where(Message.conversation_id == talk.id).order_by(Message.id)).all()
    assert [message.author for message in said] == [Author.STAFF, Author.ASSISTANT]
    with pytest.raises(IllegalTransition):
        escalations.reply(session, call.id, staff, "muộn rồi")


def test_two_people_never_hold_one_conversation(session: Session) -> None:
    talk = factories.conversation(session)
    lan, hoa = factories.agent(session, "lan"), factories.agent(session, "hoa")
    call = escalations.open_for(session, talk, EscalationReason.ASKED)
    escalations.claim(session, call.id, lan)
    with pytest.raises(AlreadyHeld):
        escalations.claim(session, call.id, hoa)
    with pytest.raises(AlreadyHeld):
        escalations.reply(session, call.id, hoa, "x")


def test_a_second_call_joins_the_first_and_the_longest_waiting_comes_first(session: Session) -> None:
    first, second = factories.conversation(session, 1), factories.conversation(session, 2)
    call = escalations.open_for(session, first, EscalationReason.LOW_RATING, silence=False)
    assert first.mode is Mode.ASSISTANT
    later = escalations.open_for(session, second, EscalationReason.ASKED)
    assert escalations.open_for(session, first, EscalationReason.ASKED).id == call.id
    assert first.mode is Mode.PEOPLE
    assert [waiting.id for waiting in escalations.queue(session)] == [call.id, later.id]


def texts(session: Session) -> list[str]:
    return [row.body["text"] for row in session.scalars(select(Outbox).order_by(Outbox.id))]


def test_a_customer_is_told_when_a_person_steps_in_uncalled(session: Session) -> None:
    talk, staff = factories.conversation(session), factories.agent(session)
    call = escalations.open_for(session, talk, EscalationReason.LOW_RATING, silence=False)
    escalations.claim(session, call.id, staff)
    escalations.claim(session, call.id, staff)
    assert talk.mode is Mode.PEOPLE
    assert len(texts(session)) == 1
    assert "nhân viên" in texts(session)[0]


def test_who_waits_long_is_told_so_once_and_may_go_back_to_the_assistant(session: Session) -> None:
    with time_machine.travel("2026-11-24T05:00:30Z", tick=False) as traveller:
        talk = factories.conversation(session)
        call = escalations.open_for(session, talk, EscalationReason.ASKED)
        escalations.keep_company(session, talk)
        assert texts(session) == []
        traveller.shift(150)
        escalations.keep_company(session, talk)
        escalations.keep_company(session, talk)
        assert len(texts(session)) == 1
        escalations.resume_assistant(session, talk)
        assert (call.state, talk.mode) == (EscalationState.CLOSED, Mode.ASSISTANT)


def test_nobody_leaves_a_person_who_has_taken_the_conversation_by_an_old_button(session: Session) -> None:
    talk: Conversation = factories.conversation(session)
    call = escalations.open_for(session, talk, EscalationReason.ASKED)
    escalations.claim(session, call.id, factories.agent(session))
    escalations.resume_assistant(session, talk)
    assert (call.state, talk.mode) == (EscalationState.CLAIMED, Mode.PEOPLE)
