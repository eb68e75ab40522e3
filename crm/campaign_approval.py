"""Who lets a broadcast go: one person up to a number of people, above it somebody who did not write it."""

from sqlalchemy.orm import Session

from crm import advertisements, audiences, campaign_recipients
from crm.campaign_states import BEFORE
from crm.errors import PermissionDenied
from crm.models.campaigns import Campaign
from crm.models.staff import Staff
from crm.personal_fields import MissingField
from crm.settings import settings


class SecondPersonNeeded(PermissionDenied):
    """So many people get it that somebody other than its author must approve it. `people`: how many."""

    def __init__(self, people: int) -> None:
        super().__init__(f"{people} people: somebody other than the author must approve")
        self.people = people


def needs_second(people: int) -> bool:
    """Whether a broadcast to so many people needs a second person's approval."""
    return people > settings().approval_above


def people_of(session: Session, campaign: Campaign) -> int:
    """How many it would be sent to if it went now, or was frozen for."""
    if campaign.state in BEFORE:
        return audiences.estimate(session, campaign.audience).reach
    return campaign_recipients.reachable(session, campaign.id)


def give(session: Session, campaign: Campaign, staff: Staff) -> int:
    """Notes `staff` as who let the present text go; how many people it is for.

    Raises:
        SecondPersonNeeded: too many people for the author alone.
        InvalidInput, MissingField: the text is none that can be sent to everybody.
    """
    check(session, campaign, campaign.text)
    people = people_of(session, campaign)
    if needs_second(people) and staff.id == campaign.author_id:
        raise SecondPersonNeeded(people)
    campaign.approved_by = staff.id
    return people


def check(session: Session, campaign: Campaign, body: str) -> str:
    """The cleaned text, if nobody would read a hole in it. Raises InvalidInput, MissingField."""
    body = advertisements.check(body)
    if campaign.state in BEFORE:
        missing = audiences.lacking(session, campaign.audience, body)
    else:
        missing = campaign_recipients.lacking(session, campaign, body)
    if missing:
        raise MissingField(missing)
    return body
