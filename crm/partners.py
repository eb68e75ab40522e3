"""Suppliers, distributors, carriers, repairers: who answers to us for their part of a complaint."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from crm import audit, clock, text
from crm.errors import InvalidInput, NotFound
from crm.models.cases import CaseStep, Partner, PartnerKind, StepState
from crm.models.staff import Staff

LONGEST = 200


@dataclass(frozen=True)
class Details:
    """What is known of a partner; only the name is needed."""

    name: str
    kind: PartnerKind
    contact: str = ""
    phone: str = ""
    email: str = ""
    note: str = ""


@dataclass(frozen=True)
class Standing:
    """A partner and how they do: steps that wait for them, and those of them that are overdue."""

    partner: Partner
    waiting: int
    overdue: int


def get(session: Session, partner_id: int) -> Partner:
    """The partner; raises NotFound."""
    found = session.get(Partner, partner_id)
    if found is None:
        raise NotFound(f"partner {partner_id}")
    return found


def active(session: Session) -> list[Partner]:
    """Those who may be made responsible, by name."""
    return list(session.scalars(select(Partner).where(Partner.active.is_(True)).order_by(Partner.name_folded)))


def standings(session: Session, today: date) -> list[Standing]:
    """Every partner with what waits for them on the local day `today`: the most overdue first, then by name."""
    late = func.sum(case((CaseStep.due_on < today, 1), else_=0))
    counted = select(CaseStep.partner_id, func.count(), late).where(
        CaseStep.state == StepState.OPEN, CaseStep.partner_id.is_not(None)
    )
    waiting = {row[0]: (int(row[1]), int(row[2])) for row in session.execute(counted.group_by(CaseStep.partner_id))}
    rows = [Standing(partner, *waiting.get(partner.id, (0, 0))) for partner in session.scalars(select(Partner))]
    return sorted(rows, key=lambda row: (not row.partner.active, -row.overdue, row.partner.name_folded))


def save(session: Session, staff: Staff, details: Details, partner_id: int | None = None) -> Partner:
    """Adds a partner, or changes the one with `partner_id`. Raises InvalidInput ("partner_name") and NotFound."""
    name = " ".join(details.name.split())
    if not 0 < len(name) <= LONGEST:
        raise InvalidInput("partner_name", "a name of at most 200 characters")
    partner = get(session, partner_id) if partner_id is not None else Partner(created_at=clock.now(), active=True)
    folded = text.fold(name)[:LONGEST]
    same = select(Partner.id).where(Partner.name_folded == folded, Partner.id.is_distinct_from(partner.id))
    if session.scalar(same) is not None:
        raise InvalidInput("partner_name", "a partner with this name is there already")
    partner.name, partner.name_folded, partner.kind = name, folded, details.kind
    partner.contact, partner.phone = details.contact.strip()[:200], details.phone.strip()[:32]
    partner.email, partner.note = details.email.strip()[:200], details.note.strip()
    session.add(partner)
    session.flush()
    audit.record(session, staff, "partner_saved", "partner", partner.id, name=name)
    return partner


def set_active(session: Session, staff: Staff, partner_id: int, active: bool) -> None:
    """Ends or resumes the dealings with a partner; what they owe an answer for stays."""
    partner = get(session, partner_id)
    if partner.active is not active:
        partner.active = active
        audit.record(session, staff, "partner_resumed" if active else "partner_ended", "partner", partner.id)
