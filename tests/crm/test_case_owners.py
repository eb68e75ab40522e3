"""Nobody's case is looked after by somebody who is not there: disabled people, and the rows of API tokens."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy.orm import Session

from crm import api_tokens, case_steps, clock, complaints, partners, promise_watch, promises, staff_admin
from crm.api_tokens import Scope
from crm.models.care import ComplaintState, EventKind, Severity
from crm.models.cases import PartnerKind
from crm.models.staff import Role, Staff
from crm.partners import Details
from tests.crm import factories
from tests.crm.service_steps import MONDAY, call, case, told, watch

H = timedelta(hours=1)


@pytest.fixture
def hand() -> Iterator[Any]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def lead(session: Session) -> Staff:
    return factories.agent(session, "truong", Role.LEAD)


def _away(session: Session, name: str = "nghi") -> Staff:
    """Somebody who was disabled."""
    gone = factories.agent(session, name)
    gone.active = False
    session.flush()
    return gone


def test_a_warning_about_the_case_or_call_of_somebody_disabled_goes_to_the_leads(
    session: Session, hand: Any, lead: Staff
) -> None:
    complaint, gone = case(session, Severity.HIGH), _away(session)
    complaint.owner_id = gone.id
    hand.shift(3 * H)
    watch(session)
    assert told(session) == [("truong", "clock_warning")]
    waiting = call(session, 2002)
    waiting.staff_id = gone.id
    hand.shift(timedelta(minutes=14))
    watch(session)
    assert told(session)[1:] == [("truong", "clock_warning")]


def test_a_promise_of_somebody_disabled_that_is_near_is_told_to_the_leads(
    session: Session, hand: Any, lead: Staff
) -> None:
    talk, gone = factories.conversation(session), factories.agent(session, "nghi")
    promises.make(session, talk, clock.now() + H, "báo giá", gone)
    gone.active = False
    session.flush()
    hand.shift(H - timedelta(minutes=1))
    promise_watch.look_after(session, clock.now())
    assert told(session) == [("truong", "promise_near")]


def test_who_turned_to_marketing_hears_of_customers_no_more(session: Session, hand: Any, lead: Staff) -> None:
    admin, lan = factories.agent(session, "quan", Role.ADMIN), factories.agent(session)
    talk = factories.conversation(session)
    promises.make(session, talk, clock.now() + H, "báo giá", lan)
    staff_admin.change_role(session, admin, lan.id, Role.MARKETING)
    hand.shift(H - timedelta(minutes=1))
    promise_watch.look_after(session, clock.now())
    assert told(session) == [("truong", "promise_near")]


def test_the_customers_word_and_a_partners_silence_reach_the_leads(session: Session, hand: Any, lead: Staff) -> None:
    complaint, gone = case(session), factories.agent(session, "nghi")
    partner = partners.save(session, lead, Details("Kho", PartnerKind.SUPPLIER))
    case_steps.plan(session, complaint, gone, "gửi hàng", case_steps.today(), partner)
    complaints.move(session, complaint, ComplaintState.WAITING, gone, "Máy đời nào ạ?")
    gone.active = False
    session.flush()
    complaints.customer_wrote(session, complaint.customer_id)
    hand.shift(timedelta(days=1))
    case_steps.warn_overdue(session, clock.now())
    assert told(session) == [("truong", "case_answered"), ("truong", "partner_late")]


def test_a_system_that_moves_a_case_is_not_its_owner(session: Session, lead: Staff) -> None:
    token, _secret = api_tokens.issue(session, lead, "kho", [Scope.COMPLAINTS_WRITE], 30)
    complaint = case(session)
    complaints.move(session, complaint, ComplaintState.ACKNOWLEDGED, token.staff)
    complaints.move(session, complaint, ComplaintState.IN_PROGRESS, token.staff)
    assert complaint.owner_id is None
    assert [event.staff_id for event in complaint.events[1:]] == [token.staff.id] * 2
    complaints.move(session, complaint, ComplaintState.WAITING, lead, "Máy đời nào ạ?")
    assert complaint.owner_id == lead.id


def test_who_is_disabled_leaves_open_cases_to_nobody_and_keeps_what_is_settled(session: Session, lead: Staff) -> None:
    admin, lan = factories.agent(session, "quan", Role.ADMIN), factories.agent(session)
    first, settled = case(session), case(session)
    complaints.move(session, first, ComplaintState.IN_PROGRESS, lan)
    complaints.move(session, settled, ComplaintState.IN_PROGRESS, lan)
    complaints.resolve(session, settled, lan, "Shop đổi máy ạ")
    staff_admin.disable(session, admin, lan.id)
    assert (first.owner_id, settled.owner_id) == (None, lan.id)
    assert first.events[-1].kind is EventKind.ASSIGNED
    assert first.events[-1].detail == {"before_owner": lan.id, "owner": None}
    assert settled.events[-1].kind is EventKind.STATE
