"""Everything about one complaint that staff want on one screen, in a handful of queries."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import (
    case_compensation,
    case_events,
    case_merges,
    case_states,
    case_steps,
    clock,
    complaints,
    customer_contact,
    partners,
    service_levels,
)
from crm.case_work import MAY_OWN
from crm.models.care import Complaint, ComplaintState, Rating
from crm.models.cases import CaseStep, Compensation, Partner
from crm.models.catalogue import Purchase
from crm.models.conversations import Conversation
from crm.models.staff import Staff
from crm.service_levels import ClockView

ORDERS = 20


@dataclass(frozen=True)
class CaseSight:
    """The case as it is now.

    `mark` changes with each line of its history or of those answered in it. `merged`: the cases answered in it;
    `kept`: the one it is answered in. `related`: those it was split from or into. `moves`: the states that may follow.
    `names`: staff by number; `owners`: whom it may be given to; `carers`: who sees in full how to reach the customer.
    """

    complaint: Complaint
    mark: tuple[int, ...]
    clocks: list[ClockView]
    merged: list[Complaint]
    kept: Complaint | None
    related: list[Complaint]
    candidates: list[Complaint]
    steps: list[CaseStep]
    compensations: list[Compensation]
    ratings: list[Rating]
    moves: frozenset[ComplaintState]
    names: dict[int, str]
    owners: list[Staff]
    carers: frozenset[int]
    orders: list[Purchase]
    talks: list[int]
    partners: list[Partner]

    @property
    def is_open(self) -> bool:
        """Whether work on the case goes on."""
        return self.complaint.state in case_states.OPEN_STATES


def see(session: Session, complaint_id: int) -> CaseSight:
    """Looks at one case; raises NotFound."""
    case = complaints.get(session, complaint_id)
    case.customer, case.product, case.purchase, case.events  # noqa: B018  loaded while the session is open
    merged = case_merges.family(session, case)
    ids = [case.id, *(each.id for each in merged)]
    steps, given = case_steps.of_cases(session, ids), case_compensation.of_cases(session, ids)
    involved = {event.staff_id for event in case.events} | {case.owner_id} | {step.staff_id for step in steps}
    return CaseSight(
        complaint=case,
        mark=tuple(case_events.latest(session, number) for number in ids),
        clocks=service_levels.clocks_of(session, case.id),
        merged=merged,
        kept=complaints.answered_in(session, case) if case.merged_into_id is not None else None,
        related=_related(session, case),
        candidates=case_merges.candidates(session, case),
        steps=steps,
        compensations=given,
        ratings=list(session.scalars(select(Rating).where(Rating.complaint_id.in_(ids)))),
        moves=case_states.allowed(case, clock.now()),
        names=names(session, involved | {each.staff_id for each in given}),
        owners=owners(session),
        carers=frozenset(customer_contact.carers(session, case.customer_id)),
        orders=_orders(session, case),
        talks=list(session.scalars(select(Conversation.id).where(Conversation.customer_id == case.customer_id))),
        partners=partners.active(session),
    )


def _related(session: Session, case: Complaint) -> list[Complaint]:
    """The case this one was told in, and those that were told in it."""
    second = Complaint.split_from_id == case.id
    found = select(Complaint).where(
        second if case.split_from_id is None else second | (Complaint.id == case.split_from_id)
    )
    return list(session.scalars(found.order_by(Complaint.id)))


def _orders(session: Session, case: Complaint) -> list[Purchase]:
    mine = select(Purchase).where(Purchase.customer_id == case.customer_id)
    return list(session.scalars(mine.order_by(Purchase.purchased_at.desc()).limit(ORDERS)))


def names(session: Session, staff_ids: Collection[int | None]) -> dict[int, str]:
    """The names of these members of staff, by number."""
    wanted = [number for number in staff_ids if number is not None]
    found = select(Staff.id, Staff.name).where(Staff.id.in_(wanted))
    return dict(session.execute(found).all()) if wanted else {}


def owners(session: Session) -> list[Staff]:
    """Everybody who may look after a complaint, by name."""
    working = select(Staff).where(Staff.active.is_(True), Staff.role.in_(MAY_OWN))
    return list(session.scalars(working.order_by(Staff.name)))
