"""A broadcast as marketing makes it, and as the processes of a world send it."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import audiences, campaigns, clock, staff
from crm.audiences import Audience
from crm.campaign_recipients import Progress
from crm.models.campaigns import Campaign, CampaignState, PauseReason
from crm.models.messaging import Outbox, OutboxState
from crm.models.staff import Role, Staff
from tests.faults.audience import writing
from tests.faults.case import Tally
from tests.faults.world import World

# No second person, no canary and no automatic pause, unless a case is about them; three advertisements a day, so that
# what is unknown can be sent again today.
WITHOUT_BRAKES = {
    "TRIAN_APPROVAL_ABOVE": "1000000",
    "TRIAN_CANARY": "0",
    "TRIAN_CAMPAIGN_ERROR_RATE": "1",
    "TRIAN_MARKETING_PER_DAY": "3",
    # Longer than SQLite's patience with a lock (10 s), so that a busy disk costs nobody the lease.
    "TRIAN_LEASE_TTL_S": "15",
}
T = TypeVar("T")


class Broadcast:
    """One campaign of a world; every act is a transaction of its own, as in the console."""

    def __init__(self, world: World, words: str, audience: Audience = audiences.EVERYBODY) -> None:
        """Writes it and lets it go at once; the scheduler starts it."""
        self.world = world
        self.words = words
        with writing(world) as session:
            marketer = _marketer(session)
            campaign = campaigns.create(session, marketer, words[:60], words, audience)
            campaigns.schedule(session, campaign, marketer)
            self.id = campaign.id

    def act(self, doing: Callable[[Session, Campaign, Staff], T]) -> T:
        """Lets the marketer do something with it, and commits."""
        with writing(self.world) as session:
            return doing(session, campaigns.get(session, self.id), _marketer(session))

    def pause(self) -> None:
        self.act(campaigns.pause)

    def resume(self) -> None:
        self.act(campaigns.resume)

    def cancel(self) -> None:
        self.act(campaigns.cancel)

    def rewrite(self, words: str) -> None:
        """Another text for whoever has not been sent one."""
        self.words = words
        self.act(
            lambda session, campaign, who: campaigns.edit(
                session, campaign, who, campaign.name, words, campaign.audience
            )
        )

    def send_unknown_again(self) -> int:
        """As the button in the console does; to how many."""
        return self.act(campaigns.send_unknown_again)

    @property
    def state(self) -> CampaignState:
        with self.world.database.read() as session:
            return campaigns.get(session, self.id).state

    @property
    def why(self) -> PauseReason | None:
        """Why it does not go on by itself."""
        with self.world.database.read() as session:
            return campaigns.get(session, self.id).pause_reason

    def progress(self) -> Progress:
        with self.world.database.read() as session:
            return campaigns.progress(session, campaigns.get(session, self.id))

    def over(self) -> bool:
        """Whether nothing of it is on its way any more and the scheduler has said so."""
        return self.state in (CampaignState.FINISHED, CampaignState.CANCELLED)

    def counts_add_up(self, tally: Tally, people: int, when: str) -> Progress:
        """Notes a failure unless everybody stands in exactly one place."""
        now = self.progress()
        sums = now.waiting + now.left_out + sum(now.states.values())
        tally.equal((now.total, sums), (people, people), f"{when}: people in total, and added up")
        return now


def sending(world: World) -> list[Outbox]:
    """Rows that are being sent at this moment."""
    with world.database.read() as session:
        return list(session.scalars(select(Outbox).where(Outbox.state == OutboxState.SENDING)))


def waiting(world: World) -> int:
    """How many rows are due and not sent yet."""
    due = select(func.count()).where(Outbox.state == OutboxState.QUEUED, Outbox.not_before <= clock.now())
    with world.database.read() as session:
        return session.scalar(due) or 0


def advertisements(world: World, since: int = 0) -> list[dict[str, Any]]:
    """The accepted calls that carry advertising."""
    return [call for call in world.telegram.accepted(since) if str(call["text"]).startswith("[QC]")]


def _marketer(session: Session) -> Staff:
    known = session.scalar(select(Staff).where(Staff.username == "minh"))
    return known or staff.add(session, "minh", "Minh", Role.MARKETING, "mật khẩu của bài thử")
