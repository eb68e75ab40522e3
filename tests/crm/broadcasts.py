"""What the tests of broadcasts start from: readers who agreed, a campaign that runs, a sender that the test moves."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audiences, campaigns, clock, consents
from crm.models.campaigns import Campaign
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import Purpose, Tier
from crm.models.staff import Role, Staff
from tests.crm import factories

TEXT = "{Address} {name} ơi, nồi chiên giảm 20 % tới chủ nhật ạ."


def reader(session: Session, chat_id: int, *, agreed: bool = True, tier: Tier = Tier.NONE) -> Conversation:
    """Somebody who may get advertisements, or who never agreed to them."""
    talk = factories.conversation(session, chat_id)
    talk.customer.tier = tier
    if agreed:
        consents.record(session, talk.customer_id, Purpose.MARKETING, granted=True, channel="test")
    session.flush()
    return talk


def marketer(session: Session, username: str = "minh") -> Staff:
    return factories.agent(session, username, Role.MARKETING)


def draft(
    session: Session, staff: Staff, text: str = TEXT, audience: audiences.Audience = audiences.EVERYBODY
) -> Campaign:
    return campaigns.create(session, staff, "Tháng 11", text, audience)


def running(session: Session, staff: Staff, text: str = TEXT) -> Campaign:
    """A campaign to everybody, started, with the first of its messages queued."""
    campaign = draft(session, staff, text)
    campaigns.schedule(session, campaign, staff)
    feed(session)
    return campaign


def feed(session: Session) -> None:
    """What the scheduler does when it wakes."""
    for step in (campaigns.start_due, campaigns.finish_done):
        while step(session, clock.now()):
            pass


def settle(session: Session, campaign: Campaign, state: OutboxState, count: int = 1000) -> list[Outbox]:
    """The sender has tried the next `count` queued messages of the campaign, all with the same outcome."""
    queued = select(Outbox).where(Outbox.campaign_id == campaign.id, Outbox.state == OutboxState.QUEUED)
    rows = list(session.scalars(queued.order_by(Outbox.id).limit(count)))
    for row in rows:
        row.state, row.sending_at = state, clock.now()
        row.sent_at = clock.now() if state is OutboxState.SENT else None
    session.flush()
    return rows


def adds_up(session: Session, campaign: Campaign) -> bool:
    """Whether everybody is in exactly one place."""
    seen = campaigns.progress(session, campaign)
    return seen.total == seen.waiting + seen.left_out + sum(seen.states.values())
