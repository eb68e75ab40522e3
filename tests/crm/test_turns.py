from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, complaints, consents, customers, escalations, inbound, turns, workers
from crm.complaints import Report
from crm.customers import Caller
from crm.errors import LeaseLost
from crm.inbound import Arrival
from crm.models.conversations import Conversation, Direction, Message, Mode
from crm.models.messaging import ButtonToken, Inbound, Outbox
from crm.models.people import Consent, Purpose
from crm.models.review import ReviewSighting
from crm.outbox import Button, Content
from crm.settings import settings
from crm.sightings import Heard
from crm.turns import Said, Turn
from tests.crm import factories


def begin(session: Session, update_id: int = 1, chat_id: int = 5) -> Turn:
    bot_id = settings().bot_id
    inbound.store(session, bot_id, [Arrival(update_id, chat_id, {})])
    row = session.scalars(select(Inbound).where(Inbound.bot_id == bot_id, Inbound.update_id == update_id)).one()
    return turns.begin(session, row.id, f"inbound-{row.id}", Caller(bot_id, chat_id, "Hạnh"), Said("chào shop"))


def outgoing(session: Session) -> list[str]:
    return [row.body["text"] for row in session.scalars(select(Outbox).order_by(Outbox.id))]


def test_a_turn_that_runs_twice_records_and_answers_once(session: Session) -> None:
    turn = begin(session)
    turns.finish(session, turn, [Content("Dạ")])
    turns.begin(session, turn.inbound_id, turn.turn_id, Caller(settings().bot_id, 5, "Hạnh"), Said("chào shop"))
    turns.finish(session, turn, [Content("Dạ")])
    spoken = session.scalars(select(Message).where(Message.direction == Direction.IN)).all()
    assert len(spoken) == 1
    assert outgoing(session).count("Dạ") == 1


def test_the_first_answer_introduces_the_assistant_as_a_machine(session: Session) -> None:
    turns.finish(session, begin(session, 1), [Content("Dạ")])
    turns.finish(session, begin(session, 2), [Content("Vâng")])
    introduction, *others = outgoing(session)
    assert "tự động" in introduction
    assert others == ["Dạ", "Vâng"]


def test_after_a_stop_the_assistants_open_question_is_over(session: Session) -> None:
    asked = begin(session, 1)
    assert "expecting" not in asked.slots
    turns.finish(session, asked, [Content("Đồng ý không?")], Heard("opt_in"))
    stop = begin(session, 2)
    assert "expecting" not in stop.slots
    turns.stop_advertising(session, stop, "STOP")
    assert begin(session, 3).slots["expecting"] is None


def test_after_people_a_form_is_over(session: Session) -> None:
    turns.finish(session, begin(session, 1), [Content("Dạ")], Heard("complaint"))
    talk = session.get_one(Conversation, begin(session, 2).conversation_id)
    staff = factories.agent(session)
    call = escalations.take_over(session, talk, staff)
    escalations.hand_back(session, call.id, staff)
    turns.finish(session, begin(session, 2), [])
    after = begin(session, 3)
    assert after.anew
    turns.finish(session, after, [], Heard("thank"))
    assert not begin(session, 4).anew


@pytest.mark.parametrize(
    "word",
    ["STOP", "Stop", "/stop", "stop!", "TC", "từ chối", "Huy dang ky", "STOP ạ", "dừng quảng cáo nha shop"],
)
def test_a_stop_word_is_known_however_it_is_written(word: str) -> None:
    assert turns.wants_stop(word)


@pytest.mark.parametrize(
    "said", ["dùng sao shop", "đừng gửi trễ nha", "stop motion là gì", "đừng", "dùng", "dung", "dừng", ""]
)
def test_other_words_are_no_stop(said: str) -> None:
    assert not turns.wants_stop(said)


def test_a_stop_is_obeyed_at_once_and_confirmed_with_the_time(session: Session) -> None:
    turn = begin(session)
    consents.record(session, turn.customer_id, Purpose.MARKETING, granted=True, channel="telegram")
    turns.stop_advertising(session, turn, "STOP")
    session.flush()
    assert not consents.granted(session, turn.customer_id, Purpose.MARKETING)
    assert "ngày" in outgoing(session)[-1]


def agree(session: Session, chat_id: int = 5) -> int:
    """The customer of the chat agrees to advertising; their number."""
    account = customers.account_by_chat(session, settings().bot_id, chat_id)
    assert account is not None
    consents.record(session, account.customer_id, Purpose.MARKETING, granted=True, channel="telegram")
    session.flush()
    return account.customer_id


def withdrawals(session: Session) -> list[Consent]:
    return list(session.scalars(select(Consent).where(Consent.granted.is_(False)).order_by(Consent.id)))


def test_a_stop_holds_from_its_arrival_and_is_confirmed_with_that_time_when_its_turn_comes(session: Session) -> None:
    with time_machine.travel("2026-11-24T05:00:00Z", tick=False) as traveller:
        begin(session, 1)
        customer_id = agree(session)
        inbound.store(session, settings().bot_id, [Arrival(2, 5, {})])
        turns.obey_stop(session, settings().bot_id, 5, "STOP")
        assert not consents.granted(session, customer_id, Purpose.MARKETING)
        traveller.shift(600)
        turns.stop_advertising(session, begin(session, 2), "STOP")
        assert len(withdrawals(session)) == 1
        assert "12:00" in outgoing(session)[-1]
        traveller.shift(600)
        turns.stop_advertising(session, begin(session, 3), "STOP")  # nobody saw this one arrive
        assert len(withdrawals(session)) == 2
        assert "12:20" in outgoing(session)[-1]


def test_a_yes_that_waited_before_the_stop_does_not_outlive_it(session: Session) -> None:
    begin(session, 1)
    inbound.store(session, settings().bot_id, [Arrival(3, 5, {})])
    turns.obey_stop(session, settings().bot_id, 5, "STOP")
    customer_id = agree(session)  # the turn of update 2
    turns.stop_advertising(session, begin(session, 3), "STOP")
    assert not consents.granted(session, customer_id, Purpose.MARKETING)


def test_a_stop_of_a_stranger_waits_for_its_turn(session: Session) -> None:
    turns.obey_stop(session, settings().bot_id, 77, "STOP")
    assert withdrawals(session) == []


def test_a_button_of_another_chat_or_a_forged_one_means_nothing(session: Session) -> None:
    turn = begin(session, 1, chat_id=5)
    begin(session, 2, chat_id=6)
    turns.finish(session, turn, [Content("?", buttons=[[Button("Có", "/affirm")]])])
    token = session.scalars(select(ButtonToken.token)).one()
    bot_id = settings().bot_id
    found = turns.button(session, (bot_id, 5), token)
    assert found is not None
    assert found.payload == "/affirm"
    assert turns.button(session, (bot_id, 6), token) is None
    assert turns.button(session, (bot_id, 5), "forged") is None
    assert turns.button(session, (bot_id, 5), "\0") is None


def test_when_the_assistant_cannot_answer_a_person_is_called_and_the_customer_told(session: Session) -> None:
    turn = begin(session)
    turns.give_up(session, turn, "timeout")
    assert escalations.current(session, turn.conversation_id) is not None
    assert len(outgoing(session)) == 2


def test_a_complaint_whose_confirmation_was_lost_is_confirmed_with_its_code(session: Session) -> None:
    turn = begin(session)
    customer = customers.get(session, turn.customer_id)
    conversation = session.get_one(Conversation, turn.conversation_id)
    filed = complaints.submit(session, customer, conversation, Report("nồi cơm nấu bị sống"))
    turns.give_up(session, turn, "Rasa died")
    assert f"mã {filed.code}" in outgoing(session)[-1]
    assert escalations.current(session, conversation.id) is not None
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        turns.give_up(session, begin(session, 2), "Rasa is away")
    assert filed.code not in outgoing(session)[-1]


def test_the_answer_already_uses_the_form_that_the_customer_uses(session: Session) -> None:
    bot_id = settings().bot_id
    inbound.store(session, bot_id, [Arrival(1, 5, {})])
    row = session.scalars(select(Inbound)).one()
    turn = turns.begin(session, row.id, "first", Caller(bot_id, 5, "Tư"), Said("chào cháu, bác là Tư đây"))
    assert (turn.slots["address"], turn.slots["self"]) == ("bác", "cháu")


def test_a_message_not_understood_goes_to_the_review_queue_with_the_answer(session: Session) -> None:
    turn = begin(session)
    guess = {"name": "greet", "confidence": 0.4}
    for _ in range(2):
        turns.finish(session, turn, [Content("Dạ?")], Heard("nlu_fallback", 0.4, [guess], "trian-1.tar.gz"))
    (sighting,) = session.scalars(select(ReviewSighting))
    assert (sighting.text, sighting.guess, sighting.confidence) == ("chào shop", "greet", 0.4)
    assert (sighting.turn_id, sighting.model, sighting.ranking) == (turn.turn_id, "trian-1.tar.gz", [guess])
    assert (sighting.customer_id, sighting.conversation_id) == (turn.customer_id, turn.conversation_id)
    turns.finish(session, begin(session, 2), [Content("Dạ")], Heard("greet", 0.9))
    assert len(session.scalars(select(ReviewSighting)).all()) == 1


def test_a_turn_that_another_worker_took_over_changes_nothing(session: Session) -> None:
    bot_id = settings().bot_id
    late, other = (workers.enlist(session, bot_id, owner, 15) for owner in "ab")
    assert late is not None
    inbound.store(session, bot_id, [Arrival(1, 5, {})])
    (row,) = inbound.claim(session, settings(), late, 1, [])
    turn = turns.begin(session, row.id, "t", Caller(bot_id, 5, "Hạnh"), Said("chào shop"), late)
    row.claimed_by = other
    session.flush()
    turns.finish(session, turn, [Content("Dạ")])
    for belated in (
        lambda: turns.give_up(session, turn, "timeout"),
        lambda: turns.begin(session, row.id, "t", Caller(bot_id, 5, "Hạnh"), Said("chào shop"), late),
    ):
        with pytest.raises(LeaseLost):
            belated()
    assert outgoing(session) == []
    assert escalations.current(session, turn.conversation_id) is None


def test_who_floods_us_is_asked_for_patience_once_and_not_while_people_answer(session: Session) -> None:
    turn, bot_id = begin(session), settings().bot_id
    assert [turns.ask_for_patience(session, bot_id, 5) for _ in range(3)] == [True, False, False]
    assert "lần lượt" in outgoing(session)[-1]
    other = begin(session, 2, chat_id=6)
    session.get_one(Conversation, other.conversation_id).mode = Mode.PEOPLE
    assert not turns.ask_for_patience(session, bot_id, 6)
    assert not turns.ask_for_patience(session, bot_id, 404)
    assert turn.account_id != other.account_id
