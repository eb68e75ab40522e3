"""Two readers of a broadcast turn out to be one person while it is sent."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import campaign_deliveries, campaigns, merges
from crm.models.campaigns import Campaign, CampaignRecipient
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox, OutboxState
from crm.outbox import MERGED
from tests.crm import factories
from tests.crm.broadcasts import adds_up, marketer, reader, running

QUEUED, SENDING, SENT, UNKNOWN = OutboxState.QUEUED, OutboxState.SENDING, OutboxState.SENT, OutboxState.UNKNOWN
SKIPPED, FAILED, EXPIRED = OutboxState.SKIPPED, OutboxState.FAILED, OutboxState.EXPIRED
LEFT_OUT = "no_account"
Standing = OutboxState | str | None


@dataclass
class Pair:
    """The broadcast and its two readers; the first record is kept."""

    campaign: Campaign
    talks: tuple[Conversation, Conversation]
    rows: tuple[CampaignRecipient, CampaignRecipient]

    def standing(self, session: Session, place: int) -> Standing:
        """The state of the reader's message; without one, why they were left out, or None while they wait."""
        row = self.rows[place]
        return session.get_one(Outbox, row.outbox_id).state if row.outbox_id else row.reason


def _pair(session: Session, kept: Standing = QUEUED, gone: Standing = QUEUED) -> Pair:
    talks = (reader(session, 1), reader(session, 2))
    campaign = running(session, marketer(session))
    first, second = (
        session.scalars(select(CampaignRecipient).where(CampaignRecipient.customer_id == talk.customer_id)).one()
        for talk in talks
    )
    for row, standing in ((first, kept), (second, gone)):
        if isinstance(standing, OutboxState):
            session.get_one(Outbox, row.outbox_id).state = standing
        else:
            row.outbox_id, row.reason = None, standing
    session.flush()
    return Pair(campaign, talks, (first, second))


def _merge(session: Session, pair: Pair) -> int:
    kept, gone = (talk.customer for talk in pair.talks)
    staff = factories.agent(session)
    merged = merges.merge(session, kept.id, gone.id, staff, versions=(kept.version, gone.version), take=set())
    session.expire_all()
    return merged.id


def test_the_person_gets_one_message_and_the_figures_add_up_also_once_the_merge_is_taken_back(session: Session) -> None:
    pair = _pair(session)
    merged = _merge(session, pair)
    assert (pair.standing(session, 0), pair.standing(session, 1)) == (QUEUED, SKIPPED)
    seen = campaigns.progress(session, pair.campaign)
    assert (seen.total, seen.remaining, seen.reasons) == (2, 1, {MERGED: 1})
    assert adds_up(session, pair.campaign)
    assert [each.reason for each in campaign_deliveries.page(session, pair.campaign, SKIPPED)] == [MERGED]

    merges.undo(session, merged, factories.agent(session, "lui"))
    session.expire_all()
    assert [row.customer_id for row in pair.rows] == [talk.customer_id for talk in pair.talks]
    assert (pair.standing(session, 0), pair.standing(session, 1)) == (QUEUED, SKIPPED)
    assert adds_up(session, pair.campaign)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((SENT, QUEUED), (SENT, SKIPPED)),
        ((SENDING, QUEUED), (SENDING, SKIPPED)),
        ((None, QUEUED), (None, SKIPPED)),
        ((QUEUED, SENT), (SKIPPED, SENT)),
        ((QUEUED, UNKNOWN), (SKIPPED, UNKNOWN)),
        ((None, SENDING), (MERGED, SENDING)),
        ((LEFT_OUT, SENT), (LEFT_OUT, SENT)),
        ((SENT, SENT), (SENT, SENT)),
        # Either was merged with a third reader before, who has the message.
        ((QUEUED, MERGED), (SKIPPED, MERGED)),
        ((MERGED, QUEUED), (MERGED, SKIPPED)),
        # Where the other one gets nothing, this one is not taken away.
        ((LEFT_OUT, QUEUED), (LEFT_OUT, QUEUED)),
        ((FAILED, QUEUED), (FAILED, QUEUED)),
        ((QUEUED, EXPIRED), (QUEUED, EXPIRED)),
        ((QUEUED, LEFT_OUT), (QUEUED, LEFT_OUT)),
    ],
)
def test_what_is_unsent_ends_only_beside_a_message_that_arrives(
    session: Session, before: tuple[Standing, Standing], after: tuple[Standing, Standing]
) -> None:
    pair = _pair(session, *before)
    _merge(session, pair)
    assert (pair.standing(session, 0), pair.standing(session, 1)) == after
    assert adds_up(session, pair.campaign)


def test_the_message_that_stays_is_the_one_to_an_open_chat(session: Session) -> None:
    pair = _pair(session)
    pair.talks[0].account.reachable = False
    _merge(session, pair)
    assert (pair.standing(session, 0), pair.standing(session, 1)) == (SKIPPED, QUEUED)
