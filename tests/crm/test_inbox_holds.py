"""Who holds a conversation: one of two, in turn, no longer than they answer; on both databases, with two at once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm import availability, clock, dealing, escalations, holds, staff_admin, staff_notices, staff_sessions
from crm.db import Database
from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput
from crm.models.conversations import Conversation, Escalation, EscalationReason, EscalationState, Mode
from crm.models.messaging import Outbox
from crm.models.people import AuditEntry
from crm.models.service import NoticeKind
from crm.models.staff import Role, Staff, StaffSession
from crm.settings import settings
from tests.crm import factories


@pytest.fixture
def in_turn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Conversations are given out in turn, two a person."""
    monkeypatch.setenv("TRIAN_ROUND_ROBIN", "true")
    monkeypatch.setenv("TRIAN_AGENT_CAPACITY", "2")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def called(session: Session, number: int, reason: EscalationReason = EscalationReason.ASKED) -> Escalation:
    talk = factories.conversation(session, number, f"Khách {number}")
    return escalations.open_for(session, talk, reason, silence=reason is EscalationReason.ASKED)


def on_duty(session: Session, *names: str) -> list[Staff]:
    people = [factories.agent(session, name) for name in names]
    for each in people:
        staff_sessions.start(session, each)
        dealing.set_present(session, each, True)
    return people


def at_once(works: Sequence[Callable[[], None]]) -> list[BaseException]:
    """Runs all of them at the same moment; what they raised."""
    start, raised = threading.Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], None]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    return raised


def test_of_many_who_claim_at_once_one_holds_and_the_others_are_told(database: Database) -> None:
    with database.begin() as session:
        call_id = called(session, 1).id
        people = [factories.agent(session, f"nv{number}").id for number in range(6)]

    def claim(staff_id: int) -> None:
        with database.begin() as session:
            escalations.claim(session, call_id, session.get_one(Staff, staff_id))

    raised = at_once([partial(claim, who) for who in people])
    assert [type(error) for error in raised] == [AlreadyHeld] * 5
    with database.read() as session:
        claims = session.scalars(select(AuditEntry.staff_id).where(AuditEntry.action == "claim")).all()
        assert list(claims) == [session.get_one(Escalation, call_id).staff_id]


def test_calls_opened_at_once_are_dealt_evenly_and_to_nobody_beyond_their_room(
    database: Database, in_turn: None
) -> None:
    with database.begin() as session:
        on_duty(session, "lan", "hoa", "tu")
        talks = [factories.conversation(session, number).id for number in range(10)]

    def open_one(conversation_id: int) -> None:
        with database.begin() as session:
            talk = session.get_one(Conversation, conversation_id)
            escalations.open_for(session, talk, EscalationReason.ASKED)

    assert at_once([partial(open_one, number) for number in talks]) == []
    with database.read() as session:
        every = session.scalars(select(Escalation)).all()
        held = Counter(each.staff_id for each in every if each.state is EscalationState.CLAIMED)
        assert sorted(held.values()) == [2, 2, 2]
        assert sum(each.state is EscalationState.OPEN for each in every) == 4


def test_who_becomes_free_in_two_processes_at_once_gets_one_each(database: Database, in_turn: None) -> None:
    with database.begin() as session:
        lan, hoa = on_duty(session, "lan", "hoa")
        calls = [called(session, number) for number in range(7)]
        held = [(each.id, each.staff_id) for each in calls if each.staff_id is not None]

    def back(call_id: int, staff_id: int) -> None:
        with database.begin() as session:
            escalations.hand_back(session, call_id, session.get_one(Staff, staff_id))

    works = [partial(back, *one) for one in held[:2]]
    assert {staff_id for _, staff_id in held[:2]} == {lan.id, hoa.id}
    assert at_once(works) == []
    with database.read() as session:
        mine = Counter(
            session.scalars(select(Escalation.staff_id).where(Escalation.state == EscalationState.CLAIMED)).all()
        )
        assert mine == {lan.id: 2, hoa.id: 2}
        left = session.scalars(select(Escalation.id).where(Escalation.state == EscalationState.OPEN)).all()
        assert list(left) == [calls[6].id]


def test_turns_go_round_and_pass_over_who_is_away_full_disabled_or_of_another_trade(
    session: Session, in_turn: None
) -> None:
    lan, hoa, tu = on_duty(session, "lan", "hoa", "tu")
    minh = factories.agent(session, "minh", Role.MARKETING)
    staff_sessions.start(session, minh)
    availability.mark(session, minh, True)
    tu.active = False
    got = [called(session, number).staff for number in range(1, 4)]
    assert got == [lan, hoa, lan]
    availability.set_capacity(session, hoa.id, 1, lan)
    assert called(session, 4).staff is None
    availability.set_capacity(session, hoa.id, 3, lan)
    dealing.set_present(session, hoa, False)
    assert called(session, 5).staff is None
    dealing.set_present(session, hoa, True)
    held = session.scalars(select(Escalation.staff_id).order_by(Escalation.id)).all()
    assert list(held) == [lan.id, hoa.id, lan.id, hoa.id, hoa.id]


def test_nobody_who_is_logged_in_no_more_is_given_anything(session: Session, in_turn: None) -> None:
    lan, hoa = on_duty(session, "lan", "hoa")
    staff_sessions.end_all(session, lan.id)
    assert called(session, 1).staff is hoa
    idle = clock.now() - timedelta(minutes=settings().session_idle_minutes + 1)
    session.execute(update(StaffSession).values(last_seen_at=idle))
    assert availability.look(session, hoa.id).present
    assert called(session, 2).staff is None
    staff_sessions.start(session, lan)
    assert called(session, 3).staff is lan


def test_without_the_setting_nothing_is_dealt(session: Session) -> None:
    on_duty(session, "lan")
    assert called(session, 1).state is EscalationState.OPEN


def test_the_assistant_goes_on_after_a_deal_until_the_person_writes(session: Session, in_turn: None) -> None:
    [lan] = on_duty(session, "lan")
    call = called(session, 1, EscalationReason.LOW_RATING)
    assert (call.staff, call.conversation.mode) == (lan, Mode.ASSISTANT)
    assert session.scalars(select(Outbox)).all() == []
    escalations.reply(session, call.id, lan, "Dạ em là Lan")
    assert call.conversation.mode is Mode.PEOPLE
    joined, words = (row.body["text"] for row in session.scalars(select(Outbox).order_by(Outbox.id)))
    assert "nhân viên" in joined
    assert words == "Dạ em là Lan"


def test_who_steps_in_keeps_the_conversation_however_turns_stand(session: Session, in_turn: None) -> None:
    lan, _hoa = on_duty(session, "lan", "hoa")
    quan = factories.agent(session, "quan", Role.ADMIN)
    assert escalations.take_over(session, factories.conversation(session, 1), quan).staff is quan
    assert called(session, 2).staff is lan


def test_a_hold_that_nobody_touches_goes_back_once_and_its_holder_is_told(session: Session) -> None:
    lan = factories.agent(session, "lan")
    call = escalations.claim(session, called(session, 1).id, lan)
    due = clock.now() + timedelta(seconds=settings().hold_expires_s)
    assert call.due_back_at is not None
    assert abs(call.due_back_at - due) < timedelta(minutes=1)
    assert not holds.any_expired(session, clock.now())
    assert holds.expire(session, clock.now()) == 0
    later = due + timedelta(minutes=1)
    assert holds.any_expired(session, later)
    assert holds.expire(session, later) == 1
    assert holds.expire(session, later) == 0
    assert call.state is EscalationState.OPEN
    assert [call.staff_id, call.claimed_at, call.due_back_at] == [None, None, None]
    assert call.waiting_since is not None
    assert [notice.kind for notice in staff_notices.latest(session, lan.id)] == [NoticeKind.HOLD_LOST]
    with pytest.raises(IllegalTransition):
        holds.release(session, call.id, lan)


def test_a_hold_runs_out_only_while_the_customer_waits_for_an_answer(session: Session) -> None:
    lan, far = factories.agent(session, "lan"), clock.now() + timedelta(days=3)
    call = escalations.claim(session, called(session, 1).id, lan)
    escalations.reply(session, call.id, lan, "Dạ em nghe ạ")
    assert (call.waiting_since, call.due_back_at) == (None, None)
    assert holds.expire(session, far) == 0
    escalations.customer_wrote(session, call.conversation_id)
    first = call.due_back_at
    assert first is not None
    escalations.customer_wrote(session, call.conversation_id)
    assert call.due_back_at == first  # writing again gives the holder no more time
    assert holds.expire(session, far) == 1


def test_an_expired_hold_goes_to_the_next_in_turn_not_back_to_who_let_it_lie(session: Session, in_turn: None) -> None:
    lan, hoa = on_duty(session, "lan", "hoa")
    call = called(session, 1)
    assert call.staff is lan
    far = clock.now() + timedelta(days=1)
    holds.expire(session, far)
    assert call.staff is hoa
    dealing.set_present(session, lan, False)
    holds.expire(session, far)
    assert call.state is EscalationState.OPEN


def test_two_schedulers_take_a_hold_back_once(database: Database) -> None:
    with database.begin() as session:
        lan = factories.agent(session, "lan")
        for number in range(6):
            escalations.claim(session, called(session, number).id, lan)
    late, counted = clock.now() + timedelta(days=1), list[int]()

    def expire() -> None:
        with database.begin() as session:
            counted.append(holds.expire(session, late))

    assert at_once([expire] * 4) == []
    assert sum(counted) == 6
    with database.read() as session:
        assert len(staff_notices.latest(session, lan.id)) == 6


def test_a_lead_gives_a_conversation_to_a_colleague_who_is_told(session: Session) -> None:
    lan, hoa = factories.agent(session, "lan"), factories.agent(session, "hoa")
    lead, minh = factories.agent(session, "le", Role.LEAD), factories.agent(session, "minh", Role.MARKETING)
    call = escalations.claim(session, called(session, 1).id, lan)
    holds.assign(session, call.id, hoa, lead)
    holds.assign(session, call.id, hoa, lead)
    assert (call.staff, call.state) == (hoa, EscalationState.CLAIMED)
    assert [notice.words["who"] for notice in staff_notices.latest(session, hoa.id)] == ["Le"]
    with pytest.raises(AlreadyHeld):
        escalations.reply(session, call.id, lan, "x")
    with pytest.raises(InvalidInput):
        holds.assign(session, call.id, minh, lead)
    with pytest.raises(AlreadyHeld):
        holds.release(session, call.id, lan)
    holds.release(session, call.id, hoa)
    assert call.state is EscalationState.OPEN
    escalations.hand_back(session, call.id, lan)
    with pytest.raises(IllegalTransition):
        holds.assign(session, call.id, hoa, lead)


def test_what_a_person_likes_is_remembered(session: Session) -> None:
    lan = factories.agent(session)
    assert availability.look(session, lan.id).sound
    availability.prefer(session, lan.id, sound=False)
    availability.prefer(session, lan.id, badge=False)
    session.flush()
    session.expire_all()
    mine = availability.look(session, lan.id)
    assert (mine.sound, mine.badge, mine.present) == (False, False, False)
    for wrong in (-1, 101):
        with pytest.raises(InvalidInput):
            availability.set_capacity(session, lan.id, wrong, lan)


@pytest.mark.parametrize("gone", [staff_admin.disable, partial(staff_admin.change_role, role=Role.MARKETING)])
def test_who_may_hold_no_more_leaves_their_conversations_to_the_queue(
    session: Session, gone: Callable[[Session, Staff, int], None]
) -> None:
    admin, lan = factories.agent(session, "quan", Role.ADMIN), factories.agent(session, "lan")
    theirs, other = called(session, 1), called(session, 2)
    escalations.claim(session, theirs.id, lan)
    escalations.claim(session, other.id, admin)
    gone(session, admin, lan.id)
    assert (theirs.state, theirs.staff_id, theirs.due_back_at) == (EscalationState.OPEN, None, None)
    assert (other.state, other.staff_id) == (EscalationState.CLAIMED, admin.id)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "take_back")).one()
    assert (entry.staff_id, entry.detail) == (admin.id, {"holder": lan.id})


def test_another_role_that_may_hold_keeps_its_conversations(session: Session) -> None:
    admin, lan = factories.agent(session, "quan", Role.ADMIN), factories.agent(session, "lan")
    theirs = called(session, 1)
    escalations.claim(session, theirs.id, lan)
    staff_admin.change_role(session, admin, lan.id, Role.LEAD)
    assert (theirs.state, theirs.staff_id) == (EscalationState.CLAIMED, lan.id)


def test_what_somebody_left_goes_to_whose_turn_it_is(session: Session, in_turn: None) -> None:
    admin = factories.agent(session, "quan", Role.ADMIN)
    [lan] = on_duty(session, "lan")
    theirs = called(session, 1)
    assert theirs.staff_id == lan.id
    [mai] = on_duty(session, "mai")
    staff_admin.disable(session, admin, lan.id)
    assert (theirs.state, theirs.staff_id) == (EscalationState.CLAIMED, mai.id)
