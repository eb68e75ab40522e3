"""Work on a case: who has it, how grave it is, steps, partners, compensation, merging and splitting."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import case_compensation, case_merges, case_steps, case_work, clock, complaints, partners, service_levels
from crm.complaints import Report
from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput
from crm.models.care import Cause, Complaint, ComplaintCategory, ComplaintState, EventKind, Severity
from crm.models.cases import CompensationKind, Partner, PartnerKind, StepState
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox
from crm.models.people import AuditEntry
from crm.models.service import ClockKind, StaffNotice
from crm.models.staff import Role, Staff
from crm.partners import Details
from tests.crm import factories


@pytest.fixture
def talk(session: Session) -> Conversation:
    return factories.conversation(session)


@pytest.fixture
def lan(session: Session) -> Staff:
    return factories.agent(session)


@pytest.fixture
def case(session: Session, talk: Conversation) -> Complaint:
    photos = ["1/a.jpg", "1/b.jpg"]
    return complaints.submit(session, talk.customer, talk, Report("máy kêu to, shipper lại cộc cằn", photos=photos))


def _partner(session: Session, lan: Staff, name: str = "Kho Miền Đông") -> Partner:
    return partners.save(session, lan, Details(name, PartnerKind.SUPPLIER, contact="Anh Phú", phone="0281234567"))


def _sent(session: Session) -> list[str]:
    return [row.body["text"] for row in session.scalars(select(Outbox).order_by(Outbox.id))]


def test_of_two_who_take_a_case_the_second_is_told(session: Session, case: Complaint, lan: Staff) -> None:
    hai = factories.agent(session, "hai")
    case_work.take(session, case, lan, None)
    with pytest.raises(AlreadyHeld):
        case_work.take(session, case, hai, None)
    case_work.assign(session, case, hai, lan, lan.id)
    assert case.owner_id == hai.id
    (notice,) = session.scalars(select(StaffNotice)).all()
    assert (notice.staff_id, notice.target) == (hai.id, f"/complaints/{case.id}")
    case_work.assign(session, case, None, hai, hai.id)
    assert case.owner_id is None
    assert [event.kind for event in case.events[1:]] == [EventKind.ASSIGNED] * 3


def test_a_case_is_given_to_nobody_who_does_not_look_after_complaints(
    session: Session, case: Complaint, lan: Staff
) -> None:
    gone = factories.agent(session, "gone")
    gone.active = False
    for member in (factories.agent(session, "minh", Role.MARKETING), gone):
        with pytest.raises(InvalidInput):
            case_work.assign(session, case, member, lan, None)


def test_severity_changes_with_a_reason_and_the_clocks_are_counted_anew(
    session: Session, case: Complaint, lan: Staff
) -> None:
    def due() -> object:
        views = service_levels.clocks_of(session, case.id)
        return {view.kind: view.due_at for view in views}[ClockKind.RESOLUTION]

    before = due()
    with pytest.raises(InvalidInput):
        case_work.set_severity(session, case, Severity.HIGH, lan, " ")
    case_work.set_severity(session, case, Severity.HIGH, lan, "khách có con nhỏ")
    raised = due()
    assert raised != before
    case_work.set_severity(session, case, Severity.NORMAL, lan, "đã cho mượn máy khác")
    assert due() != raised
    assert [event.note for event in case.events if event.kind is EventKind.SEVERITY] == [
        "khách có con nhỏ",
        "đã cho mượn máy khác",
    ]


def test_facts_are_corrected_and_link_only_what_is_the_customers_own(
    session: Session, case: Complaint, lan: Staff
) -> None:
    other = factories.conversation(session, 2002, "Lê Văn Tám")
    facts = case_work.Facts(ComplaintCategory.DELIVERY, Cause.TRANSPORT, None, case.conversation_id)
    case_work.set_facts(session, case, facts, lan)
    assert (case.category, case.cause) == (ComplaintCategory.DELIVERY, Cause.TRANSPORT)
    assert set(case.events[-1].detail["changed"]) == {"category", "cause"}
    events = len(case.events)
    case_work.set_facts(session, case, facts, lan)
    assert len(case.events) == events
    with pytest.raises(InvalidInput):
        case_work.set_facts(session, case, case_work.Facts(facts.category, None, None, other.id), lan)


def test_what_was_done_is_dated_between_the_complaint_and_today(session: Session, case: Complaint, lan: Staff) -> None:
    case.created_at = clock.now() - timedelta(days=3)
    yesterday = case_steps.today() - timedelta(days=1)
    step = case_steps.done(session, case, lan, "Gọi cho khách, hẹn thợ qua", yesterday)
    assert step.done_at is not None
    assert case_steps.today() - step.done_at.date() >= timedelta(days=1)
    for wrong in (case_steps.today() + timedelta(days=1), case_steps.today() - timedelta(days=30)):
        with pytest.raises(InvalidInput):
            case_steps.done(session, case, lan, "x", wrong)
    with pytest.raises(InvalidInput):
        case_steps.done(session, case, lan, "  ")


def test_a_partner_answers_for_a_step_and_is_late_visibly(session: Session, case: Complaint, lan: Staff) -> None:
    partner, tomorrow = _partner(session, lan), case_steps.today() + timedelta(days=1)
    case_work.take(session, case, lan, None)
    step = case_steps.plan(session, case, lan, "Gửi lồng giặt thay thế", tomorrow, partner)
    assert case_steps.warn_overdue(session, clock.now()) == 0
    with time_machine.travel(clock.now() + timedelta(days=3), tick=False):
        (standing,) = partners.standings(session, case_steps.today())
        assert (standing.waiting, standing.overdue) == (1, 1)
        assert case_steps.warn_overdue(session, clock.now()) == 1
        assert case_steps.warn_overdue(session, clock.now()) == 0
    with pytest.raises(InvalidInput):
        case_steps.move(session, step.id, StepState.DONE, lan)
    case_steps.move(session, step.id, StepState.DONE, lan, "Đã gửi, thứ năm tới nơi")
    with pytest.raises(IllegalTransition):
        case_steps.move(session, step.id, StepState.DROPPED, lan)
    assert case_steps.of_cases(session, [case.id])[0].answer == "Đã gửi, thứ năm tới nơi"
    case_steps.move(session, step.id, StepState.OPEN, lan)  # undone
    assert step.done_at is None


def test_a_partners_name_is_there_once_and_one_who_left_gets_no_more_steps(
    session: Session, case: Complaint, lan: Staff
) -> None:
    partner = _partner(session, lan)
    with pytest.raises(InvalidInput):
        partners.save(session, lan, Details("  kho  mien đông ", PartnerKind.CARRIER))
    partners.save(session, lan, Details("Kho Miền Đông", PartnerKind.CARRIER), partner.id)
    assert partner.kind is PartnerKind.CARRIER
    partners.set_active(session, lan, partner.id, active=False)
    assert partners.active(session) == []
    with pytest.raises(InvalidInput):
        case_steps.plan(session, case, lan, "x", case_steps.today(), partner)


def test_compensation_is_recorded_in_dong_and_may_be_taken_back(session: Session, case: Complaint, lan: Staff) -> None:
    given = case_compensation.give(session, case, lan, CompensationKind.VOUCHER, 200_000, "xin lỗi khách")
    for wrong in (-1, case_compensation.MOST_VND + 1):
        with pytest.raises(InvalidInput):
            case_compensation.give(session, case, lan, CompensationKind.REFUND, wrong)
    assert case_compensation.of_cases(session, [case.id]) == [given]
    case_compensation.withdraw(session, given.id, lan)
    assert case_compensation.of_cases(session, [case.id]) == []
    with pytest.raises(IllegalTransition):
        case_compensation.withdraw(session, given.id, lan)
    actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("complaint_compensation") == 2


def test_a_merged_case_is_answered_in_the_other_and_the_customer_hears_one_answer(
    session: Session, talk: Conversation, case: Complaint, lan: Staff
) -> None:
    twin = complaints.submit(session, talk.customer, talk, Report("máy giặt vẫn kêu"))
    third = complaints.submit(session, talk.customer, talk, Report("kêu quá"))
    case_merges.merge(session, third, twin, lan)
    case_merges.merge(session, twin, case, lan)
    assert {twin.state, third.state} == {ComplaintState.CLOSED}
    assert case_merges.family(session, case) == [twin, third]
    assert complaints.answered_in(session, third) is case
    assert twin.due_at is None
    with pytest.raises(IllegalTransition):
        complaints.resolve(session, twin, lan, "x")
    with pytest.raises(IllegalTransition):
        case_merges.merge(session, case, twin, lan)
    complaints.resolve(session, case, lan, "Shop đổi máy ạ")
    (answer,) = _sent(session)
    assert all(each.code in answer for each in (case, twin, third))
    with pytest.raises(IllegalTransition):
        case_merges.separate(session, twin, lan)


def test_a_merge_is_undone_with_what_had_come_along(
    session: Session, talk: Conversation, case: Complaint, lan: Staff
) -> None:
    twin = complaints.submit(session, talk.customer, talk, Report("máy giặt vẫn kêu"))
    third = complaints.submit(session, talk.customer, talk, Report("kêu quá"))
    case_merges.merge(session, third, twin, lan)
    case_merges.merge(session, twin, case, lan)
    case_merges.separate(session, twin, lan)
    assert twin.state is ComplaintState.IN_PROGRESS
    assert case_merges.family(session, twin) == [third]
    assert case_merges.family(session, case) == []
    assert _sent(session) == []
    complaints.resolve(session, twin, lan, "Shop đổi máy ạ")
    assert case.state is ComplaintState.NEW


def test_cases_of_two_customers_are_never_merged(session: Session, case: Complaint, lan: Staff) -> None:
    other = factories.conversation(session, 2002, "Lê Văn Tám")
    theirs = complaints.submit(session, other.customer, other, Report("máy kêu"))
    for wrong in (theirs, case):
        with pytest.raises(InvalidInput):
            case_merges.merge(session, case, wrong, lan)
    assert case_merges.candidates(session, case) == []


def test_a_second_matter_becomes_a_case_of_its_own_and_the_customer_hears_its_code(
    session: Session, case: Complaint, lan: Staff
) -> None:
    case_work.take(session, case, lan, None)
    report = Report("Shipper cộc cằn", category=ComplaintCategory.STAFF_ATTITUDE, photos=["1/b.jpg"])
    second = case_merges.split(session, case, report, lan)
    assert (second.split_from_id, second.owner_id, second.photos) == (case.id, lan.id, ["1/b.jpg"])
    (told,) = _sent(session)
    assert second.code in told
    with pytest.raises(InvalidInput):
        case_merges.split(session, case, Report("x", photos=["2/other.jpg"]), lan)
