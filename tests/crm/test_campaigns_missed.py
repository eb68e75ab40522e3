"""A broadcast that was due while nobody could start it."""

from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audiences, campaigns
from crm.models.campaigns import Campaign, CampaignState, PauseReason
from crm.models.messaging import Outbox
from crm.models.people import AuditEntry
from crm.models.staff import Staff
from crm.settings import settings
from tests.crm.broadcasts import draft, feed, marketer, reader

S = CampaignState
MORNING = datetime(2026, 11, 24, 8, 0, tzinfo=settings().zone)
NIGHT = MORNING.replace(hour=23)


def scheduled(session: Session, at: datetime) -> tuple[Campaign, Staff]:
    """A broadcast to one reader, for `at`; the clock then stands still at the moment before."""
    minh = marketer(session)
    reader(session, 1)
    campaign = draft(session, minh)
    campaigns.schedule(session, campaign, minh, at)
    return campaign, minh


def queued(session: Session) -> int:
    return len(session.scalars(select(Outbox.id)).all())


@pytest.mark.parametrize(
    ("due", "woken", "starts"),
    [
        (MORNING, MORNING + timedelta(hours=3, minutes=59), True),
        (MORNING, MORNING + timedelta(hours=4, minutes=1), False),
        (MORNING, MORNING.replace(hour=22, minute=30), False),
        (MORNING.replace(hour=21), MORNING.replace(hour=22, minute=1), False),
        (MORNING, MORNING + timedelta(days=1), False),
        (NIGHT, NIGHT + timedelta(minutes=1), True),  # meant for the morning, for which its messages wait
        (NIGHT, NIGHT.replace(day=25, hour=10), True),
        (NIGHT, NIGHT.replace(day=25, hour=12), False),
    ],
)
def test_one_that_comes_late_starts_within_hours_and_in_daylight_only(
    session: Session, due: datetime, woken: datetime, starts: bool
) -> None:
    with time_machine.travel(MORNING - timedelta(hours=1), tick=False) as traveller:
        campaign, _ = scheduled(session, due)
        traveller.move_to(woken)
        feed(session)
    assert (campaign.state, queued(session)) == ((S.RUNNING, 1) if starts else (S.APPROVED, 0))


def test_a_missed_one_says_so_and_goes_out_when_a_person_starts_it(session: Session) -> None:
    with time_machine.travel(MORNING - timedelta(hours=1), tick=False) as traveller:
        campaign, minh = scheduled(session, MORNING)
        traveller.move_to(NIGHT)
        feed(session)
        assert (campaign.pause_reason, campaign.scheduled_at) == (PauseReason.MISSED, None)
        assert datetime.fromisoformat(campaign.pause_detail["due"]) == MORNING
        assert campaigns.halted(session) == [campaign]
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "campaign_missed")).one()
        assert (entry.staff_id, entry.subject_id) == (None, campaign.id)
        traveller.move_to(NIGHT + timedelta(hours=10))
        feed(session)
        assert queued(session) == 0
        campaigns.schedule(session, campaign, minh)
        assert campaigns.halted(session) == []
        assert campaign.pause_detail == {}
        feed(session)
        assert (campaign.state, queued(session)) == (S.RUNNING, 1)


def test_a_missed_one_that_is_rewritten_is_a_draft_like_any_other(session: Session) -> None:
    with time_machine.travel(MORNING - timedelta(hours=1), tick=False) as traveller:
        campaign, minh = scheduled(session, MORNING)
        traveller.move_to(NIGHT)
        feed(session)
        campaigns.edit(session, campaign, minh, "Mới", "Chào {name}", audiences.EVERYBODY)
    assert (campaign.state, campaign.pause_reason) == (S.DRAFT, None)
    assert campaigns.halted(session) == []
