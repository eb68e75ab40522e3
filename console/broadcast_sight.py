"""What a broadcast's page shows, read in one look."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from console.broadcasts import person_of
from crm import campaign_approval, campaign_estimate, campaign_watch, campaigns, clock
from crm.campaign_recipients import Progress
from crm.campaign_states import BEFORE
from crm.campaign_watch import Tried
from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import OutboxState
from crm.models.staff import Staff
from crm.settings import settings

FAILED = (OutboxState.FAILED, OutboxState.UNKNOWN)
NOT_SENT = (OutboxState.SKIPPED, OutboxState.EXPIRED)


@dataclass(frozen=True)
class Sight:
    """`person`: the test person's name, if it is for one. `people`: how many it is for. `author` may not approve it
    alone when `second` is true. `finish`: when it will be through. `canary`: what became of the first messages.
    """

    campaign: Campaign
    progress: Progress
    person: str
    people: int
    second: bool
    author: str
    approver: str
    finish: datetime | None
    canary: Tried | None


@dataclass(frozen=True)
class Shares:
    """The bar: everybody the broadcast is for and may be written to."""

    total: int
    sent: int
    failed: int
    dropped: int

    @classmethod
    def of(cls, progress: Progress) -> "Shares":
        count = progress.states.get
        return cls(
            total=progress.total - progress.left_out,
            sent=count(OutboxState.SENT, 0),
            failed=sum(count(state, 0) for state in FAILED),
            dropped=sum(count(state, 0) for state in NOT_SENT),
        )

    @property
    def to_come(self) -> int:
        return self.total - self.sent - self.failed - self.dropped


def see(session: Session, campaign_id: int) -> Sight:
    """Looks at everything the page needs. Raises NotFound."""
    found = campaigns.get(session, campaign_id)
    progress = campaigns.progress(session, found)
    if found.state in BEFORE:
        people = campaign_approval.people_of(session, found)
    else:
        people = progress.total - progress.left_out
    return Sight(
        campaign=found,
        progress=progress,
        person=person_of(session, found),
        people=people,
        second=found.approved_by is None and campaign_approval.needs_second(people),
        author=_name(session, found.author_id),
        approver=_name(session, found.approved_by),
        finish=campaign_estimate.finish_of(session, found, clock.now(), settings()),
        canary=_canary(session, found),
    )


def _canary(session: Session, campaign: Campaign) -> Tried | None:
    alone = campaign.canary_passed_at is None and campaign.state is CampaignState.RUNNING
    return campaign_watch.tried(session, campaign) if alone and settings().canary else None


def _name(session: Session, staff_id: int | None) -> str:
    found = session.get(Staff, staff_id) if staff_id is not None else None
    return found.name if found else ""
