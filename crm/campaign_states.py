"""The life of a broadcast: the table of its legal moves, and the one function that makes them."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from crm import audit
from crm.errors import IllegalTransition, PermissionDenied
from crm.models.campaigns import Campaign, CampaignState, PauseReason
from crm.models.staff import Role, Staff

LEGAL: dict[CampaignState, frozenset[CampaignState]] = {
    CampaignState.DRAFT: frozenset({CampaignState.APPROVED, CampaignState.CANCELLED}),
    CampaignState.APPROVED: frozenset({CampaignState.DRAFT, CampaignState.SCHEDULED, CampaignState.CANCELLED}),
    CampaignState.SCHEDULED: frozenset({CampaignState.APPROVED, CampaignState.RUNNING, CampaignState.CANCELLED}),
    CampaignState.RUNNING: frozenset({CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED}),
    CampaignState.PAUSED: frozenset({CampaignState.RUNNING, CampaignState.CANCELLED}),
    CampaignState.FINISHED: frozenset({CampaignState.RUNNING}),  # some are unclear, and a person sends to them again
    CampaignState.CANCELLED: frozenset(),
}
EDITABLE = frozenset({CampaignState.DRAFT, CampaignState.APPROVED, CampaignState.PAUSED})
BEFORE = frozenset({CampaignState.DRAFT, CampaignState.APPROVED, CampaignState.SCHEDULED})  # nobody was sent anything
OVER = frozenset({CampaignState.FINISHED, CampaignState.CANCELLED})
MAY = (Role.MARKETING, Role.ADMIN, Role.OWNER)


def permit(staff: Staff) -> None:
    """Raises PermissionDenied for whoever may not send broadcasts."""
    if staff.role not in MAY:
        raise PermissionDenied(f"{staff.username} ({staff.role}) may not send broadcasts")


def lock(session: Session, campaign: Campaign) -> None:
    """Takes the row and reads it again: what another transaction made of it counts."""
    session.flush()
    session.refresh(campaign, with_for_update=True)


def move(session: Session, campaign: Campaign, to: CampaignState, staff: Staff | None, **detail: Any) -> None:
    """The one function through which a campaign changes state; `staff` None is the scheduler. Locks the row.

    Raises PermissionDenied, IllegalTransition. A person's move is audited with `detail`.
    """
    if staff is not None:
        permit(staff)
    lock(session, campaign)
    if to not in LEGAL[campaign.state]:
        raise IllegalTransition(f"campaign {campaign.id}: {campaign.state} -> {to}")
    campaign.state = to
    if staff is not None:
        audit.record(session, staff, f"campaign_{to.value}", "campaign", campaign.id, **detail)


def halt(session: Session, campaign: Campaign, reason: PauseReason, **detail: Any) -> None:
    """Pauses a running campaign without a person, who will find the reason on it; audited as nobody's."""
    move(session, campaign, CampaignState.PAUSED, None)
    campaign.pause_reason, campaign.pause_detail = reason, detail
    audit.record(session, None, "campaign_halted", "campaign", campaign.id, reason=reason.value, **detail)


def miss(session: Session, campaign: Campaign) -> None:
    """Takes a scheduled campaign that nobody could start in time off the calendar; a person finds the reason on it."""
    due = campaign.scheduled_at
    move(session, campaign, CampaignState.APPROVED, None)
    campaign.pause_reason, campaign.pause_detail = PauseReason.MISSED, {"due": due.isoformat() if due else None}
    campaign.scheduled_at = None
    audit.record(session, None, "campaign_missed", "campaign", campaign.id, **campaign.pause_detail)


def locked_in(state: CampaignState) -> Select[Campaign]:
    """The campaigns in `state`, locked; those that somebody else has locked are passed over."""
    # Locking the campaign before anything of it: a stop either waits for a batch and then takes its messages back, or
    # comes first and the batch finds nothing to do.
    return (
        select(Campaign)
        .where(Campaign.state == state)
        .order_by(Campaign.id)
        .with_for_update(skip_locked=True, key_share=True)
    )
