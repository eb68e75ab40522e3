"""Broadcasts: what marketing does with them. Written, approved, scheduled, watched, paused, taken up again, stopped."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm import advertisements, audiences, audit, campaign_approval, campaign_recipients, campaign_watch, clock
from crm.audiences import Audience
from crm.campaign_feeding import LIFE, any_due, feed, finish_done, start_due
from crm.campaign_recipients import STOPPED, Progress, progress
from crm.campaign_states import EDITABLE, LEGAL, lock, move, permit
from crm.errors import IllegalTransition, InvalidInput, NotFound
from crm.models.campaigns import Campaign, CampaignState, PauseReason
from crm.models.messaging import Outbox, OutboxState
from crm.models.staff import Staff

__all__ = ["LEGAL", "STOPPED", "Progress", "any_due", "finish_done", "progress", "start_due"]
_WAIT_FOR_A_PERSON = (CampaignState.PAUSED, CampaignState.APPROVED)
_BEGUN = (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.FINISHED)


def create(session: Session, staff: Staff, name: str, body: str, audience: Audience) -> Campaign:
    """A draft. Raises InvalidInput (name, text or audience) and PermissionDenied."""
    permit(staff)
    campaign = Campaign(state=CampaignState.DRAFT, created_by=staff.id, created_at=clock.now())
    _write(campaign, staff, name, advertisements.check(body), audience)
    session.add(campaign)
    session.flush()
    audit.record(session, staff, "campaign_create", "campaign", campaign.id)
    return campaign


def edit(session: Session, campaign: Campaign, staff: Staff, name: str, body: str, audience: Audience) -> None:
    """Rewrites it; an approval ends with that.

    One that is paused keeps its people. Whoever was sent the old text keeps it; everybody else gets the new one whole:
    what is queued is taken back in this transaction.

    Raises:
        IllegalTransition: it is neither a draft, nor approved, nor paused.
        InvalidInput, MissingField, PermissionDenied.
    """
    permit(staff)
    lock(session, campaign)
    if campaign.state not in EDITABLE:
        raise IllegalTransition(f"campaign {campaign.id} is {campaign.state}: it cannot be edited now")
    if campaign.state is CampaignState.PAUSED:
        _rewrite(session, campaign, staff, name, body, audience)
        return
    _write(campaign, staff, name, advertisements.check(body), audience)
    audit.record(session, staff, "campaign_edit", "campaign", campaign.id)
    if campaign.state is CampaignState.APPROVED:
        move(session, campaign, CampaignState.DRAFT, staff)
        campaign.pause_reason, campaign.pause_detail = None, {}


def get(session: Session, campaign_id: int) -> Campaign:
    """The campaign; raises NotFound."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound(f"campaign {campaign_id}")
    return campaign


def listing(session: Session, limit: int = 100) -> list[Campaign]:
    """Campaigns, newest first."""
    return list(session.scalars(select(Campaign).order_by(Campaign.id.desc()).limit(limit)))


def halted(session: Session) -> list[Campaign]:
    """Campaigns that paused by themselves, or could not be started in time, and wait for a person, newest first."""
    wanted = select(Campaign).where(Campaign.state.in_(_WAIT_FOR_A_PERSON), Campaign.pause_reason.is_not(None))
    return list(session.scalars(wanted.order_by(Campaign.id.desc())))


def approve(session: Session, campaign: Campaign, staff: Staff) -> None:
    """Lets a draft go, or a paused one's text. Raises SecondPersonNeeded, InvalidInput, IllegalTransition."""
    permit(staff)
    lock(session, campaign)
    people = campaign_approval.give(session, campaign, staff)
    if campaign.state is CampaignState.PAUSED:
        audit.record(session, staff, "campaign_approved", "campaign", campaign.id, people=people)
    else:
        move(session, campaign, CampaignState.APPROVED, staff, people=people)


def schedule(session: Session, campaign: Campaign, staff: Staff, at: datetime | None = None) -> None:
    """Sends now (`at` None) or at an aware moment to come; a draft is approved by `staff` on the way.

    Raises InvalidInput, MissingField, SecondPersonNeeded, IllegalTransition, PermissionDenied.
    """
    permit(staff)
    moment = clock.now()
    if at is not None and (at.tzinfo is None or at < moment):
        raise InvalidInput("at", "a moment to come, with its timezone")
    lock(session, campaign)
    if campaign.state is CampaignState.DRAFT:
        approve(session, campaign, staff)
    campaign_approval.check(session, campaign, campaign.text)
    move(session, campaign, CampaignState.SCHEDULED, staff, at=(at or moment).isoformat())
    campaign.scheduled_at = at or moment
    campaign.pause_reason, campaign.pause_detail = None, {}


def unschedule(session: Session, campaign: Campaign, staff: Staff) -> None:
    """Takes a scheduled campaign off the calendar; it stays approved. Raises IllegalTransition once it runs."""
    move(session, campaign, CampaignState.APPROVED, staff)
    campaign.scheduled_at = None


def pause(session: Session, campaign: Campaign, staff: Staff) -> None:
    """Nothing more is sent but what is being sent at this moment. Raises IllegalTransition."""
    move(session, campaign, CampaignState.PAUSED, staff)
    campaign.pause_reason, campaign.pause_detail = None, {}


def resume(session: Session, campaign: Campaign, staff: Staff) -> None:
    """Goes on at once with a paused one; after an error or an edit with a new canary first.

    Raises SecondPersonNeeded (its new text is not approved), MissingField, IllegalTransition.
    """
    permit(staff)
    lock(session, campaign)
    if campaign.approved_by is None and campaign.state is CampaignState.PAUSED:
        approve(session, campaign, staff)
    move(session, campaign, CampaignState.RUNNING, staff)
    if campaign.pause_reason is PauseReason.ERRORS:
        campaign_watch.begin(campaign)
    campaign.pause_reason, campaign.pause_detail = None, {}
    # What was on its way at the pause and came back unsent has the text of before an edit.
    campaign_recipients.let_wait_again(session, campaign, campaign.version)
    # What waited through the pause is as good as new: a person has just said so.
    queued = update(Outbox).where(Outbox.campaign_id == campaign.id, Outbox.state == OutboxState.QUEUED)
    session.execute(queued.values(expires_at=clock.now() + LIFE).execution_options(synchronize_session=False))
    # An edit has taken back all that was queued: the scheduler would come for the new text some seconds from now.
    feed(session, campaign, clock.now())


def cancel(session: Session, campaign: Campaign, staff: Staff) -> int:
    """Stops at once whatever is not sent yet; returns how many messages were taken back. Raises IllegalTransition."""
    move(session, campaign, CampaignState.CANCELLED, staff)
    campaign.finished_at = clock.now()
    return campaign_recipients.withdraw(session, campaign)


def send_unknown_again(session: Session, campaign: Campaign, staff: Staff) -> int:
    """Sends once more to those of whom nobody knows whether it arrived: some get it twice; returns to how many.

    Of a campaign that is paused they wait with the others. Raises IllegalTransition for one that was stopped or has
    not begun, PermissionDenied.
    """
    permit(staff)
    lock(session, campaign)
    if campaign.state not in _BEGUN:
        raise IllegalTransition(f"campaign {campaign.id} is {campaign.state}: nothing of it is sent again")
    count = campaign_recipients.send_again(session, campaign, OutboxState.UNKNOWN)
    if count == 0:
        return 0
    audit.record(session, staff, "campaign_again", "campaign", campaign.id, people=count)
    if campaign.state is CampaignState.FINISHED:
        move(session, campaign, CampaignState.RUNNING, staff)
        campaign.finished_at = None
        campaign_watch.begin(campaign)
    return count


def _write(campaign: Campaign, staff: Staff, name: str, body: str, audience: Audience) -> None:
    if not 1 <= len(name.strip()) <= 200:
        raise InvalidInput("name", "1 to 200 characters")
    audiences.holds(audience)
    campaign.name, campaign.text, campaign.audience = name.strip(), body, audience
    campaign.edited_by, campaign.approved_by = staff.id, None


def _rewrite(session: Session, campaign: Campaign, staff: Staff, name: str, body: str, audience: Audience) -> None:
    if audience != campaign.audience:
        raise InvalidInput("audience", "its people are settled since it began")
    body = campaign_approval.check(session, campaign, body)
    if body == campaign.text and name.strip() == campaign.name:
        return
    before = campaign.text
    _write(campaign, staff, name, body, audience)
    campaign.version += 1
    campaign_watch.begin(campaign)
    taken = campaign_recipients.let_wait_again(session, campaign, campaign.version)
    detail = {"version": campaign.version, "taken_back": taken, "text_before": before}
    audit.record(session, staff, "campaign_edit", "campaign", campaign.id, **detail)
