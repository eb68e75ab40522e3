"""Promises of an answer: made by the assistant and by people, kept by the answer, told of before they are broken."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, complaints, escalations, promise_watch, promises, restored, spoken_promises
from crm.complaints import Report
from crm.errors import IllegalTransition, InvalidInput
from crm.models.care import Complaint, ComplaintState, Severity
from crm.models.conversations import Conversation, Escalation, EscalationReason
from crm.models.messaging import Outbox, OutboxKind
from crm.models.service import NoticeKind, Promise, PromiseState, StaffNotice
from crm.models.staff import Role, Staff
from crm.promises import answer_by, is_staffed
from crm.settings import settings
from crm.shop import shop
from tests.crm import factories

MONDAY = datetime(2026, 11, 23, 9, tzinfo=settings().zone)
H, MINUTES = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def hand() -> Iterator[Any]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def _case(session: Session, severity: Severity = Severity.HIGH) -> Complaint:
    talk = factories.conversation(session)
    return complaints.submit(session, talk.customer, talk, Report("máy hỏng", severity=severity))


def _call(session: Session, lan: Staff) -> Escalation:
    call = escalations.open_for(session, factories.conversation(session), EscalationReason.ASKED)
    return escalations.claim(session, call.id, lan)


def _only(session: Session) -> Promise:
    return session.scalars(select(Promise)).one()


def _cared(session: Session) -> list[str]:
    sent = select(Outbox).where(Outbox.kind == OutboxKind.CARE).order_by(Outbox.id)
    return [str(row.body["text"]) for row in session.scalars(sent)]


def _watch(session: Session) -> None:
    while promise_watch.look_after(session, clock.now()):
        session.flush()


@pytest.mark.parametrize(
    ("reported", "severity", "promised"),
    [
        ("2026-11-23 09:00", Severity.HIGH, "2026-11-23 13:00"),
        ("2026-11-23 19:30", Severity.HIGH, "2026-11-24 10:30"),
        ("2026-11-23 09:00", Severity.NORMAL, "2026-11-24 09:00"),
        ("2026-11-23 23:50", Severity.HIGH, "2026-11-24 12:00"),
        ("2026-11-23 05:00", Severity.NORMAL, "2026-11-23 21:00"),
        ("2026-12-31 20:59", Severity.LOW, "2027-01-02 20:59"),
        ("2027-02-04 20:00", Severity.HIGH, "2027-02-09 11:00"),
    ],
)
def test_a_promise_counts_the_hours_in_which_somebody_works(reported: str, severity: Severity, promised: str) -> None:
    zone = settings().zone
    moment = datetime.fromisoformat(reported).replace(tzinfo=zone)
    assert answer_by(moment, severity, zone, shop()).astimezone(zone).strftime("%Y-%m-%d %H:%M") == promised


@pytest.mark.parametrize(
    ("at", "staffed"),
    [
        ("2026-11-23 07:59", False),
        ("2026-11-23 08:00", True),
        ("2026-11-23 20:59", True),
        ("2026-11-23 21:00", False),
        ("2027-02-06 10:00", False),
        ("2027-04-30 18:30", False),
    ],
)
def test_when_people_are_there(at: str, staffed: bool) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=settings().zone)
    assert is_staffed(moment, settings().zone, shop()) is staffed


def test_who_complains_is_promised_an_answer_and_the_answer_keeps_it(session: Session, hand: Any) -> None:
    complaint, lan = _case(session), factories.agent(session)
    promise = _only(session)
    assert (promise.due_at, promise.made_by_id, promise.state) == (complaint.promised_at, None, PromiseState.OPEN)
    assert complaint.code in promise.words
    hand.shift(H)
    complaints.move(session, complaint, ComplaintState.WAITING, lan, "Máy mua khi nào ạ?")
    assert (promise.state, promise.settled_by_id) == (PromiseState.KEPT, lan.id)
    assert promises.of_conversation(session, promise.conversation_id or 0) == []


def test_before_a_promise_would_be_broken_the_customer_hears_once_of_a_later_time(session: Session, hand: Any) -> None:
    complaint, lan = _case(session), factories.agent(session)
    complaint.owner_id = lan.id
    promise = _only(session)
    hand.shift(3 * H + 29 * MINUTES)
    _watch(session)
    assert _cared(session) == []
    hand.shift(MINUTES)
    for _ in range(3):
        _watch(session)
    (text,) = _cared(session)
    assert "13:00 ngày 23/11/2026" in text
    assert "16:00 ngày 23/11/2026" in text
    assert complaint.promised_at == promise.due_at == MONDAY + 7 * H
    assert promise.first_due_at == MONDAY + 4 * H
    told = session.scalars(select(StaffNotice)).one()
    assert (told.staff_id, told.kind) == (lan.id, NoticeKind.PROMISE_NEAR)
    hand.shift(2 * H)
    complaints.resolve(session, complaint, lan, "Đổi máy mới ạ")
    assert promise.state is PromiseState.KEPT


def test_a_promise_that_is_missed_is_broken_and_stays_so(session: Session, hand: Any) -> None:
    complaint, lan = _case(session), factories.agent(session)
    truong = factories.agent(session, "truong", Role.LEAD)
    complaint.owner_id = lan.id
    hand.shift(3 * H + 30 * MINUTES)
    _watch(session)
    hand.move_to(MONDAY + 7 * H)
    _watch(session)
    assert _only(session).state is PromiseState.OPEN  # by 16:00 means that 16:00 is in time
    hand.shift(MINUTES)
    for _ in range(3):
        _watch(session)
    assert _only(session).state is PromiseState.BROKEN
    broken = select(StaffNotice.staff_id).where(StaffNotice.kind == NoticeKind.PROMISE_BROKEN)
    assert sorted(session.scalars(broken)) == [lan.id, truong.id]
    assert len(_cared(session)) == 1
    complaints.resolve(session, complaint, lan, "Đổi máy mới ạ")
    assert _only(session).state is PromiseState.BROKEN


def test_an_answer_after_the_time_does_not_keep_it_even_before_the_scheduler_looks(session: Session, hand: Any) -> None:
    complaint, lan = _case(session), factories.agent(session)
    hand.shift(5 * H)
    complaints.resolve(session, complaint, lan, "Xong ạ")
    assert _only(session).state is PromiseState.BROKEN


def test_after_a_restore_nobody_is_told_again_of_a_later_time(session: Session, hand: Any) -> None:
    _case(session)
    restored.settle(session, clock.now())
    hand.shift(3 * H + 45 * MINUTES)
    _watch(session)
    assert _cared(session) == []
    hand.shift(H)
    _watch(session)
    session.expire_all()
    assert _only(session).state is PromiseState.BROKEN


def test_a_promise_made_for_soon_is_not_told_of_at_once(session: Session, hand: Any) -> None:
    lan = factories.agent(session)
    call = _call(session, lan)
    promises.make(session, call.conversation, clock.now() + 20 * MINUTES, "hỏi kho rồi báo lại", lan)
    _watch(session)
    assert _cared(session) == []
    hand.shift(10 * MINUTES)
    _watch(session)
    assert len(_cared(session)) == 1


def test_what_is_said_in_the_same_breath_is_not_the_promised_answer(session: Session, hand: Any) -> None:
    lan = factories.agent(session)
    call = _call(session, lan)
    promise = promises.make(session, call.conversation, clock.now() + 2 * H, "hỏi kho rồi báo lại", lan)
    escalations.reply(session, call.id, lan, "Em hỏi kho rồi báo chị trước 11 giờ nhé")
    states = [promise.state]
    hand.shift(H)
    escalations.reply(session, call.id, lan, "Kho còn hai máy chị ạ")
    assert [*states, promise.state] == [PromiseState.OPEN, PromiseState.KEPT]


def test_a_case_resolved_right_after_a_promise_about_it_keeps_it(session: Session, hand: Any) -> None:
    complaint, lan = _case(session), factories.agent(session)
    talk = factories.conversation(session)
    promise = promises.make(session, talk, clock.now() + H, "gọi lại", lan, complaint)
    complaints.resolve(session, complaint, lan, "Xong rồi ạ")
    assert promise.state is PromiseState.KEPT


def test_keeping_by_hand_can_be_undone_and_a_withdrawn_one_bothers_nobody(session: Session, hand: Any) -> None:
    lan = factories.agent(session)
    call = _call(session, lan)
    promise = promises.make(session, call.conversation, clock.now() + H, "gọi lại", lan)
    promises.keep(session, promise.id, lan)
    promises.reopen(session, promise.id, lan)
    assert promises.of_conversation(session, call.conversation_id) == [promise]
    promises.withdraw(session, promise.id, lan)
    hand.shift(3 * H)
    _watch(session)
    assert (promise.state, _cared(session)) == (PromiseState.WITHDRAWN, [])
    with pytest.raises(IllegalTransition):
        promises.keep(session, promise.id, lan)


def test_an_unusable_promise_is_refused(session: Session, hand: Any) -> None:
    lan = factories.agent(session)
    call, somebody = _call(session, lan), factories.conversation(session, 2002)
    complaint = complaints.submit(session, somebody.customer, somebody, Report("hỏng"))
    soon = clock.now() + H
    for due, words, about, field in (
        (clock.now(), "gọi lại", None, "due_at"),
        (soon, "  ", None, "words"),
        (soon, "x" * 501, None, "words"),
        (soon, "gọi lại", complaint, "complaint"),
    ):
        with pytest.raises(InvalidInput) as refused:
            promises.make(session, call.conversation, due, words, lan, about)
        assert refused.value.field == field


def test_who_asks_for_a_person_at_night_is_promised_one_answer_in_the_morning(session: Session, hand: Any) -> None:
    hand.move_to(MONDAY.replace(hour=23))
    talk = factories.conversation(session)
    call = escalations.open_for(session, talk, EscalationReason.ASKED)
    for _ in range(2):
        promises.at_opening(session, talk)
    promise = _only(session)
    assert promise.due_at == call.due_at == MONDAY + timedelta(days=1) - 45 * MINUTES  # 8:00 and a quarter of an hour
    hand.move_to(MONDAY + timedelta(days=1) - 50 * MINUTES)
    escalations.reply(session, call.id, factories.agent(session), "Dạ em đây ạ")
    assert promise.state is PromiseState.KEPT


def test_a_second_promise_does_not_keep_the_first(session: Session, hand: Any) -> None:
    lan, complaint = factories.agent(session), _case(session, Severity.NORMAL)
    talk = session.get_one(Conversation, complaint.conversation_id)
    call = escalations.take_over(session, talk, lan)
    complaints.move(session, complaint, ComplaintState.IN_PROGRESS, lan)
    first = spoken_promises.promise(session, talk.id, call.id, lan, "báo giá", clock.now() + 2 * H)
    hand.shift(30 * MINUTES)
    second = spoken_promises.promise(session, talk.id, call.id, lan, "gọi bảo hành", clock.now() + 3 * H)
    promised = session.scalars(select(Promise)).all()
    assert {each.state for each in promised} == {PromiseState.OPEN}
    assert call.waiting_since is None
    hand.shift(30 * MINUTES)
    escalations.reply(session, call.id, lan, "Dạ giá là 500 nghìn ạ")
    assert {each.state for each in (first, second, *promised)} == {PromiseState.KEPT}


def test_who_was_promised_a_person_in_the_morning_and_is_promised_an_answer_then_has_met_one(
    session: Session, hand: Any
) -> None:
    hand.move_to(MONDAY.replace(hour=23))
    call = _call(session, lan := factories.agent(session))
    promises.at_opening(session, call.conversation)
    hand.move_to(MONDAY + timedelta(days=1) - 50 * MINUTES)
    made = spoken_promises.promise(session, call.conversation_id, call.id, lan, "báo giá", clock.now() + H)
    at_opening = session.scalars(select(Promise).where(Promise.id != made.id)).one()
    assert (at_opening.state, made.state) == (PromiseState.KEPT, PromiseState.OPEN)


def test_who_goes_back_to_the_assistant_is_not_apologised_to_in_the_morning(session: Session, hand: Any) -> None:
    hand.move_to(MONDAY.replace(hour=23))
    talk = factories.conversation(session)
    escalations.open_for(session, talk, EscalationReason.ASKED)
    promises.at_opening(session, talk)
    escalations.resume_assistant(session, talk)
    assert _only(session).state is PromiseState.WITHDRAWN
    hand.move_to(MONDAY + timedelta(days=1))
    _watch(session)
    assert _cared(session) == []


def test_what_is_told_after_the_customer_answered_is_a_promise(session: Session, hand: Any) -> None:
    lan, complaint = factories.agent(session), _case(session, Severity.NORMAL)
    complaints.move(session, complaint, ComplaintState.WAITING, lan, "Máy đời nào ạ?")
    first = _only(session)
    assert first.state is PromiseState.KEPT
    hand.shift(timedelta(days=3))
    complaints.customer_wrote(session, complaint.customer_id)
    [again] = session.scalars(select(Promise).where(Promise.state == PromiseState.OPEN))
    assert again.due_at == complaint.promised_at > clock.now()
    assert again.complaint_id == complaint.id
    hand.move_to(again.due_at - MINUTES)
    _watch(session)
    assert len([said for said in _cared(session) if "xin lỗi" in said]) == 1
