"""What the scheduler does about clocks: a warning before the breach, the leads at it, the managers a while after.

Each of the three is said once a clock: the clock notes it, and the notices have unique keys, so that a restart or a
second scheduler repeats nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm import case_owners, service_clocks, staff_notices, templates
from crm import clock as wall
from crm.models.care import Complaint
from crm.models.conversations import Conversation, Escalation, EscalationState
from crm.models.service import NoticeKind, ServiceClock
from crm.settings import settings

BATCH = 50


@dataclass(frozen=True)
class About:
    """Whom and what a notice is about, and who has it in hand."""

    customer_id: int
    name: str
    what: str
    target: str
    holder_id: int | None

    @property
    def words(self) -> dict[str, str]:
        """What the sentences of the notice ask for."""
        return {"name": self.name, "what": self.what}


def notice_due(session: Session, now: datetime) -> int:
    """Says what is due to be said of up to BATCH clocks; how many there were."""
    waiting = select(ServiceClock).where(ServiceClock.notice_at <= now).order_by(ServiceClock.notice_at).limit(BATCH)
    found = session.scalars(waiting.with_for_update(skip_locked=True)).all()
    for each in found:
        _notice(session, each, now)
    return len(found)


def _notice(session: Session, each: ServiceClock, now: datetime) -> None:
    about = of_case(session, each.complaint_id) if each.complaint_id else of_call(session, each.escalation_id)
    if about is None:
        service_clocks.abandon(each, now)
    elif now < each.due_at:
        _say(session, each, NoticeKind.CLOCK_WARNING, about, case_owners.who_hears(session, [about.holder_id]))
        service_clocks.warned(each, now)
    elif each.lead_told_at is None:
        holder = [about.holder_id] if about.holder_id else []
        _say(session, each, NoticeKind.CLOCK_BREACH, about, [*holder, *staff_notices.leads(session)])
        service_clocks.breached(each, now)
    else:
        _say(session, each, NoticeKind.CLOCK_MANAGER, about, staff_notices.managers(session))
        service_clocks.brought_to_managers(each, now)


def _say(session: Session, each: ServiceClock, kind: NoticeKind, about: About, people: list[int]) -> None:
    words = {
        **about.words,
        "clock": templates.for_staff(f"clock.{each.kind.value}"),
        "clock_kind": each.kind.value,
        "due": wall.vietnamese_moment(each.due_at, settings().zone),
        "due_at": each.due_at.isoformat(),
    }
    key = f"clock:{each.id}:{kind.value}"
    staff_notices.tell(session, people, kind, key=key, target=about.target, customer_id=about.customer_id, **words)


def of_case(session: Session, complaint_id: int | None) -> About | None:
    """The complaint as a notice tells of it; None when it is gone."""
    wanted = select(Complaint).where(Complaint.id == complaint_id).options(joinedload(Complaint.customer))
    complaint = session.scalar(wanted)
    if complaint is None:
        return None
    name = complaint.customer.name
    return About(complaint.customer_id, name, complaint.code, f"/complaints/{complaint.id}", complaint.owner_id)


def of_call(session: Session, escalation_id: int | None) -> About | None:
    """The call as a notice tells of it; None when it is over or gone."""
    call = session.get(Escalation, escalation_id) if escalation_id else None
    if call is None or call.state is EscalationState.CLOSED:
        return None
    return of_talk(call.conversation, call.staff_id)


def of_talk(conversation: Conversation, holder_id: int | None) -> About:
    """A conversation as a notice tells of it."""
    what = templates.for_staff("conversation")
    name = conversation.customer.name
    return About(conversation.customer_id, name, what, f"/conversations/{conversation.id}", holder_id)
