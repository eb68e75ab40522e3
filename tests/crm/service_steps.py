"""What the tests of service levels begin with: a case, a call, and what staff were told of them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, complaints, escalations, service_watch
from crm.complaints import Report
from crm.models.care import Complaint, Severity
from crm.models.conversations import Escalation, EscalationReason
from crm.models.people import Tier
from crm.models.service import StaffNotice
from crm.models.staff import Staff
from crm.settings import settings
from tests.crm import factories

MONDAY = datetime(2026, 11, 23, 9, tzinfo=settings().zone)


def case(session: Session, severity: Severity = Severity.NORMAL, tier: Tier = Tier.NONE) -> Complaint:
    talk = factories.conversation(session)
    talk.customer.tier = tier
    return complaints.submit(session, talk.customer, talk, Report("máy hỏng", severity=severity))


def call(session: Session, number: int = 1001) -> Escalation:
    talk = factories.conversation(session, number)
    return escalations.open_for(session, talk, EscalationReason.ASKED)


def told(session: Session) -> list[tuple[str, str]]:
    rows = select(Staff.username, StaffNotice.kind).join(Staff, Staff.id == StaffNotice.staff_id)
    return [(name, kind.value) for name, kind in session.execute(rows.order_by(StaffNotice.id))]


def watch(session: Session) -> None:
    while service_watch.notice_due(session, clock.now()):
        session.flush()
