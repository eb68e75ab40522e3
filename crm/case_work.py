"""Who looks after a complaint, how grave it is, what it is about: the facts that staff may change, each with a line."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from crm import case_events, case_owners, complaints, service_levels, staff_notices
from crm.case_owners import MAY_OWN as MAY_OWN
from crm.case_states import require_open
from crm.errors import AlreadyHeld, InvalidInput
from crm.models.care import Cause, Complaint, ComplaintCategory, EventKind, Severity
from crm.models.catalogue import Purchase
from crm.models.conversations import Conversation
from crm.models.service import NoticeKind
from crm.models.staff import Staff


@dataclass(frozen=True)
class Facts:
    """What a complaint is about. `purchase_id` and `conversation_id` are the customer's own."""

    category: ComplaintCategory
    cause: Cause | None
    purchase_id: int | None
    conversation_id: int | None


def facts_of(complaint: Complaint) -> Facts:
    """The facts as they are."""
    return Facts(complaint.category, complaint.cause, complaint.purchase_id, complaint.conversation_id)


def assign(session: Session, complaint: Complaint, to: Staff | None, by: Staff, expected: int | None) -> None:
    """Gives the case to `to` (None: to nobody). Compare-and-set on the number of the owner the person saw.

    Raises:
        AlreadyHeld: somebody else has taken it meanwhile.
        InvalidInput: `to` does not look after complaints, or is disabled.
    """
    complaints.lock(session, complaint)
    require_open(complaint)
    if complaint.owner_id != expected:
        raise AlreadyHeld(f"{complaint.code} is with {complaint.owner_id}, not {expected}")
    if to is not None and not case_owners.may_own(to):
        raise InvalidInput("owner", "somebody who looks after complaints")
    number = to.id if to else None
    if number == expected:
        return
    complaint.owner_id = number
    event = case_events.record(session, complaint, EventKind.ASSIGNED, by, before_owner=expected, owner=number)
    if to is not None and to.id != by.id:
        staff_notices.tell_colleague(
            session,
            to,
            NoticeKind.ASSIGNED,
            by=by,
            key=f"case_assigned:{event.id}",
            target=f"/complaints/{complaint.id}",
            customer=complaint.customer,
        )


def take(session: Session, complaint: Complaint, staff: Staff, expected: int | None) -> None:
    """Takes the case for oneself, from nobody or from a colleague. Raises as `assign`."""
    assign(session, complaint, staff, staff, expected)


def set_severity(session: Session, complaint: Complaint, to: Severity, staff: Staff, reason: str) -> None:
    """Raises or lowers the severity, with a reason; the clocks are counted anew. Raises InvalidInput without one."""
    reason = reason.strip()
    if not reason:
        raise InvalidInput("reason", "say why")
    complaints.lock(session, complaint)
    require_open(complaint)
    before, complaint.severity = complaint.severity, to
    if before is to:
        return
    case_events.record(session, complaint, EventKind.SEVERITY, staff, reason, was=before.value, now=to.value)
    service_levels.severity_changed(session, complaint)


def set_facts(session: Session, complaint: Complaint, facts: Facts, staff: Staff) -> None:
    """Corrects what the case is about; also once it is settled, when its cause is found.

    Raises InvalidInput for an order ("purchase") or a conversation that is not this customer's.
    """
    complaints.lock(session, complaint)
    _require_own(session, complaint, facts)
    was = facts_of(complaint)
    if facts == was:
        return
    changed: dict[str, list[str | int | None]] = {}
    for name in ("category", "cause", "purchase_id", "conversation_id"):
        before, after = getattr(was, name), getattr(facts, name)
        if before != after:
            setattr(complaint, name, after)
            changed[name] = [before, after]
    case_events.record(session, complaint, EventKind.FACTS, staff, changed=changed)


def _require_own(session: Session, complaint: Complaint, facts: Facts) -> None:
    if facts.purchase_id is not None:
        purchase = session.get(Purchase, facts.purchase_id)
        if purchase is None or purchase.customer_id != complaint.customer_id:
            raise InvalidInput("purchase", "an order of this customer")
    if facts.conversation_id is not None:
        conversation = session.get(Conversation, facts.conversation_id)
        if conversation is None or conversation.customer_id != complaint.customer_id:
            raise InvalidInput("conversation", "a conversation of this customer")
