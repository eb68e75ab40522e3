"""A low rating opens a task for a lead; the rating keeps who had answered and what the customer was."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import complaints, ratings, recovery, staff_admin
from crm.complaints import Report
from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput
from crm.models.cases import RecoveryState, RecoveryTask
from crm.models.conversations import Conversation
from crm.models.people import AuditEntry, Tier
from crm.models.service import NoticeKind, StaffNotice
from crm.models.staff import Role, Staff
from tests.crm import factories


@pytest.fixture
def talk(session: Session) -> Conversation:
    return factories.conversation(session)


@pytest.fixture
def lead(session: Session) -> Staff:
    return factories.agent(session, "mai", Role.LEAD)


def _tasks(session: Session) -> list[RecoveryTask]:
    return list(session.scalars(select(RecoveryTask)))


def test_a_rating_keeps_the_agent_the_case_and_the_tier_as_they_were(session: Session, talk: Conversation) -> None:
    lan, hai = factories.agent(session), factories.agent(session, "hai")
    talk.customer.tier = Tier.GOLD
    case = complaints.submit(session, talk.customer, talk, Report("máy kêu to"))
    complaints.resolve(session, case, lan, "Xong rồi ạ")
    case.owner_id, talk.customer.tier = hai.id, Tier.PLATINUM
    rating = ratings.rate(session, talk, 4, case.id)
    assert (rating.staff_id, rating.complaint_id, rating.tier) == (lan.id, case.id, Tier.GOLD)
    assert _tasks(session) == []
    whole = ratings.rate(session, talk, 4)
    assert (whole.staff_id, whole.complaint_id, whole.tier) == (None, None, Tier.PLATINUM)


@pytest.mark.parametrize("score", [1, 2])
def test_a_low_score_opens_one_task_and_the_leads_hear_of_it(
    session: Session, talk: Conversation, lead: Staff, score: int
) -> None:
    factories.agent(session)
    rating = ratings.rate(session, talk, score)
    ratings.amend(session, talk, rating, 3 - score)
    (task,) = _tasks(session)
    assert (task.rating_id, task.state, task.customer_id) == (rating.id, RecoveryState.OPEN, talk.customer_id)
    (notice,) = session.scalars(select(StaffNotice).where(StaffNotice.kind == NoticeKind.RECOVERY)).all()
    assert (notice.staff_id, notice.target) == (lead.id, "/recovery")


def test_a_corrected_score_withdraws_the_task_unless_somebody_has_it(
    session: Session, talk: Conversation, lead: Staff
) -> None:
    rating = ratings.rate(session, talk, 1)
    ratings.amend(session, talk, rating, 5)
    (task,) = _tasks(session)
    assert task.state.value == "withdrawn"
    ratings.amend(session, talk, rating, 2)
    assert task.state is RecoveryState.OPEN
    recovery.take(session, task.id, lead)
    ratings.amend(session, talk, rating, 5)
    assert task.state.value == "taken"


def test_taken_by_one_done_with_what_was_done(session: Session, talk: Conversation, lead: Staff) -> None:
    other = factories.agent(session, "quan", Role.ADMIN)
    ratings.rate(session, talk, 1)
    (task,) = _tasks(session)
    with pytest.raises(IllegalTransition):
        recovery.finish(session, task.id, lead, "gọi xin lỗi")
    recovery.take(session, task.id, lead)
    for refused in (recovery.take, recovery.give_back):
        with pytest.raises(AlreadyHeld):
            refused(session, task.id, other)
    with pytest.raises(InvalidInput):
        recovery.finish(session, task.id, lead, "  ")
    recovery.finish(session, task.id, lead, "Gọi xin lỗi, đổi máy mới")
    assert recovery.waiting(session) == 0
    assert [done.outcome for done in recovery.done(session)] == ["Gọi xin lỗi, đổi máy mới"]
    recovery.take(session, task.id, lead)  # not settled after all
    recovery.give_back(session, task.id, lead)
    assert (task.state, task.staff_id) == (RecoveryState.OPEN, None)
    audited = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert audited == ["recovery_taken", "recovery_done", "recovery_taken", "recovery_open"]


def test_tasks_come_oldest_first_in_pages(session: Session, talk: Conversation) -> None:
    for _ in range(recovery.PAGE + 3):
        ratings.rate(session, talk, 1)
    first = recovery.alive(session)
    rest = recovery.alive(session, first[-1].id)
    assert (len(first), len(rest)) == (recovery.PAGE, 3)
    assert [task.id for task in first + rest] == sorted(task.id for task in first + rest)


@pytest.mark.parametrize("stays", [True, False])
def test_who_may_not_win_back_any_more_leaves_the_task_to_others(
    session: Session, talk: Conversation, lead: Staff, stays: bool
) -> None:
    quan, other = factories.agent(session, "quan", Role.ADMIN), factories.agent(session, "hoa", Role.LEAD)
    for score in (1, 1, 2):
        ratings.rate(session, talk, score)
    over, mine, others = _tasks(session)
    for task in (over, mine):
        recovery.take(session, task.id, lead)
    recovery.finish(session, over.id, lead, "Gọi xin lỗi")
    recovery.take(session, others.id, other)
    staff_admin.change_role(session, quan, lead.id, Role.ADMIN)
    assert mine.staff_id == lead.id, "an administrator may win back too"
    if stays:
        staff_admin.change_role(session, quan, lead.id, Role.AGENT)
    else:
        staff_admin.disable(session, quan, lead.id)
    assert (mine.state, mine.staff_id) == (RecoveryState.OPEN, None)
    assert [(each.state, each.staff_id) for each in (over, others)] == [
        (RecoveryState.DONE, lead.id),
        (RecoveryState.TAKEN, other.id),
    ]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "recovery_open")).one()
    assert (entry.staff_id, entry.subject_id, entry.detail["holder"]) == (quan.id, mine.id, lead.id)
    assert recovery.take(session, mine.id, other).staff_id == other.id
