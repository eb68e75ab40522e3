"""Who sees a customer's phone and e-mail in full: whoever deals with that customer now, and those who lead.

Everybody else sees enough to tell two people apart, and may ask for the whole of it, which is written down. Nor do they
search by the beginning of a number: digit by digit that would tell them what is hidden.
"""

import re

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from crm import audit
from crm.complaints import OPEN_STATES
from crm.models.care import Complaint
from crm.models.conversations import Conversation, Escalation, EscalationState
from crm.models.staff import Role, Staff

ALWAYS = frozenset({Role.LEAD, Role.ADMIN, Role.OWNER})
HIDDEN = "•"
LAST = 3
_EMAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+")
_NUMBER = re.compile(r"\d(?:[\W_]{0,3}\d){6,}")


def carers(session: Session, customer_id: int) -> set[int]:
    """The staff who hold a conversation or an open case of the customer now."""
    held = select(Escalation.staff_id).join(Conversation, Conversation.id == Escalation.conversation_id)
    held = held.where(Conversation.customer_id == customer_id, Escalation.state == EscalationState.CLAIMED)
    owned = select(Complaint.owner_id).where(Complaint.customer_id == customer_id, Complaint.state.in_(OPEN_STATES))
    return {number for number in session.scalars(union(held, owned)) if number is not None}


def sees_numbers(role: Role) -> bool:
    """Whether the role sees everybody's phone in full, and so may look for one by its beginning."""
    return role in ALWAYS


def reveal(session: Session, customer_id: int, staff: Staff) -> None:
    """Writes down that the person looked at the whole of it without dealing with the customer."""
    audit.record(session, staff, "contact_reveal", "customer", customer_id)


def masked_phone(phone: str | None) -> str:
    """0912 ••• 678: the first four figures and the last three."""
    if not phone:
        return ""
    return f"{phone[:4]} {HIDDEN * 3} {phone[-LAST:]}" if len(phone) > 4 + LAST else HIDDEN * len(phone)


def masked_email(email: str | None) -> str:
    """h•••@vidu.vn: the first letter and the house."""
    if not email:
        return ""
    name, _at, house = email.rpartition("@")
    return f"{name[:1]}{HIDDEN * 3}@{house}"


def masked_contact(said: str) -> str:
    """How to reach somebody, in their own words, with each number and address in it masked."""
    said = _EMAIL.sub(lambda found: masked_email(found[0]), said)
    return _NUMBER.sub(lambda found: masked_phone("".join(filter(str.isdigit, found[0]))), said)
