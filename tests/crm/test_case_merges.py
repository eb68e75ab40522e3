"""What a merge does to clocks, promises and severity: the nearer time holds, and no way round begins a clock anew."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import case_list, case_merges, case_steps, clock, complaints, partners, promise_watch, service_clocks
from crm.case_list import Filter
from crm.complaints import Report
from crm.models.care import Complaint, ComplaintState, Severity
from crm.models.cases import PartnerKind
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox
from crm.models.service import ClockKind, NoticeKind, Promise, PromiseState, StaffNotice
from crm.models.staff import Staff
from crm.partners import Details
from tests.crm import factories
from tests.crm.service_steps import MONDAY

H, MINUTES = timedelta(hours=1), timedelta(minutes=1)
AT_ONE = MONDAY + 4 * H  # the first answer to a grave case of nine o'clock


@pytest.fixture
def hand() -> Iterator[Any]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def talk(session: Session, hand: Any) -> Conversation:
    return factories.conversation(session)


@pytest.fixture
def lan(session: Session) -> Staff:
    return factories.agent(session)


@pytest.fixture
def grave(session: Session, talk: Conversation) -> Complaint:
    return complaints.submit(session, talk.customer, talk, Report("máy chập điện", severity=Severity.HIGH))


@pytest.fixture
def slight(session: Session, talk: Conversation, hand: Any, grave: Complaint) -> Complaint:
    """Told ten minutes after the grave one."""
    hand.shift(10 * MINUTES)
    return complaints.submit(session, talk.customer, talk, Report("hộp bị móp", severity=Severity.LOW))


def _running(session: Session, case: Complaint) -> dict[ClockKind, datetime]:
    return {each.kind: each.due_at for each in service_clocks.alive(session, case)}


def _open(session: Session) -> dict[int | None, datetime]:
    """When what is promised about each case is due first."""
    rows = select(Promise).where(Promise.state == PromiseState.OPEN).order_by(Promise.due_at.desc())
    return {each.complaint_id: each.due_at for each in session.scalars(rows)}


def test_the_kept_case_is_as_grave_and_due_as_soon_as_the_graver_of_the_two(
    session: Session, grave: Complaint, slight: Complaint, lan: Staff, hand: Any
) -> None:
    before = _running(session, grave)
    assert before[ClockKind.FIRST_RESPONSE] == AT_ONE < slight.promised_at
    case_merges.merge(session, grave, slight, lan)
    assert (slight.severity, slight.promised_at, slight.due_at) == (Severity.HIGH, AT_ONE, AT_ONE)
    assert (_running(session, slight), _running(session, grave)) == (before, {})
    assert _open(session) == {slight.id: AT_ONE}
    assert {each.state for each in session.scalars(select(Promise))} == {PromiseState.OPEN}
    hand.move_to(AT_ONE - MINUTES)
    promise_watch.look_after(session, clock.now())
    [told] = session.scalars(select(Outbox))
    assert slight.code in told.body["text"]


def test_a_case_told_later_does_not_make_the_first_late(
    session: Session, grave: Complaint, slight: Complaint, lan: Staff
) -> None:
    was = (_running(session, grave), grave.promised_at)
    case_merges.merge(session, slight, grave, lan)
    assert (_running(session, grave), grave.promised_at, grave.severity) == (*was, Severity.HIGH)


def test_merging_and_separating_over_and_over_begins_no_clock_anew(
    session: Session, grave: Complaint, slight: Complaint, lan: Staff, hand: Any
) -> None:
    first = (_running(session, grave), _running(session, slight), slight.promised_at)
    for _ in range(2):
        case_merges.merge(session, grave, slight, lan)
        hand.shift(30 * MINUTES)
        case_merges.separate(session, grave, lan)
        assert (_running(session, grave), grave.promised_at, grave.due_at) == (first[0], AT_ONE, AT_ONE)
        assert _open(session) == {grave.id: AT_ONE, slight.id: first[2]}
        assert slight.promised_at == first[2]
        hand.shift(30 * MINUTES)
    assert _running(session, slight)[ClockKind.FIRST_RESPONSE] == AT_ONE  # what was said stays said
    case_merges.merge(session, grave, slight, lan)
    hand.move_to(AT_ONE + MINUTES)
    case_merges.separate(session, grave, lan)
    [late] = [each for each in service_clocks.alive(session, grave) if each.kind is ClockKind.FIRST_RESPONSE]
    assert service_clocks.view(late, clock.now()).late


def test_what_was_answered_while_merged_is_answered(
    session: Session, grave: Complaint, slight: Complaint, lan: Staff, hand: Any
) -> None:
    case_merges.merge(session, grave, slight, lan)
    complaints.move(session, slight, ComplaintState.WAITING, lan, "Máy còn cắm điện không ạ?")
    hand.shift(H)
    case_merges.separate(session, grave, lan)
    assert ClockKind.FIRST_RESPONSE not in _running(session, grave)
    kept = select(Promise).where(Promise.state == PromiseState.KEPT)
    assert {each.complaint_id for each in session.scalars(kept)} == {slight.id}
    assert grave.promised_at == _open(session)[grave.id] > clock.now()


def test_a_case_that_waits_for_the_customer_takes_a_running_clock_standing_still(
    session: Session, grave: Complaint, slight: Complaint, lan: Staff, hand: Any
) -> None:
    complaints.move(session, slight, ComplaintState.WAITING, lan, "Hộp móp chỗ nào ạ?")
    case_merges.merge(session, grave, slight, lan)
    assert slight.due_at is None
    assert (slight.promised_at, _open(session)) == (AT_ONE, {slight.id: AT_ONE})
    hand.shift(2 * H)
    complaints.customer_wrote(session, slight.customer_id)
    assert slight.due_at == AT_ONE + 2 * H
    assert slight.promised_at == AT_ONE  # no later time is told for an open promise


def test_a_part_that_was_split_off_and_comes_back_changes_nothing(
    session: Session, grave: Complaint, lan: Staff, hand: Any
) -> None:
    first = (_running(session, grave), grave.promised_at)
    hand.shift(H)
    second = case_merges.split(session, grave, Report("giao trễ"), lan)
    hand.shift(H)
    case_merges.merge(session, second, grave, lan)
    assert (_running(session, grave), grave.promised_at) == first
    third = case_merges.split(session, grave, Report("giao trễ"), lan)
    case_merges.merge(session, grave, third, lan)
    assert (_running(session, third), third.promised_at) == first


def test_a_partners_step_of_a_merged_case_is_the_kept_cases(
    session: Session, grave: Complaint, slight: Complaint, lan: Staff, hand: Any
) -> None:
    partner = partners.save(session, lan, Details("Kho Miền Đông", PartnerKind.SUPPLIER))
    case_steps.plan(session, grave, lan, "gửi máy mới", case_steps.today(), partner)
    case_merges.merge(session, grave, slight, lan)
    slight.owner_id = lan.id
    session.flush()
    assert [row.id for row in case_list.page(session, Filter(partner_id=partner.id)).rows] == [slight.id]
    hand.shift(timedelta(days=1))
    assert case_steps.warn_overdue(session, clock.now()) == 1
    assert case_steps.warn_overdue(session, clock.now()) == 0
    [notice] = session.scalars(select(StaffNotice))
    assert (notice.kind, notice.staff_id) == (NoticeKind.PARTNER_LATE, lan.id)
    assert (notice.target, notice.words["code"]) == (f"/complaints/{slight.id}", slight.code)
    complaints.resolve(session, slight, lan, "Shop đổi máy ạ")
    session.delete(notice)
    session.flush()
    assert case_steps.warn_overdue(session, clock.now()) == 0
