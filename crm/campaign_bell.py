"""Tells those who look after broadcasts that one waits for a person, wherever they are: in the bell and their chat."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, staff_notices, templates
from crm.campaign_states import MAY
from crm.models.campaigns import Campaign
from crm.models.service import NoticeKind
from crm.models.staff import Staff


def ring(session: Session, campaign: Campaign) -> int:
    """Says that `campaign` has paused by itself or was not started in time, and why; returns to how many people.

    Whoever let it go is told, and all who may send broadcasts.
    """
    if campaign.pause_reason is None:
        return 0
    reason = campaign.pause_reason.value
    people = {*session.scalars(select(Staff.id).where(Staff.role.in_(MAY)))}
    if campaign.approved_by is not None:
        people.add(campaign.approved_by)
    return staff_notices.tell(
        session,
        people,
        NoticeKind.BROADCAST_HALTED,
        key=f"broadcast_halted:{campaign.id}:{clock.now().timestamp()}",
        target=f"/broadcasts/{campaign.id}",
        name=campaign.name,
        why=templates.for_staff(f"broadcast_halted.{reason}"),
        pause_reason=reason,
    )
