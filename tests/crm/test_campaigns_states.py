"""Who lets a broadcast go, and what may become of it then."""

import itertools

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audiences, campaign_states, campaigns, clock, dispatch, staff_notices
from crm.campaign_approval import SecondPersonNeeded
from crm.errors import IllegalTransition, InvalidInput, PermissionDenied
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState, PauseReason
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import AuditEntry, Tier
from crm.settings import settings
from tests.crm import broadcasts, factories
from tests.crm.broadcasts import adds_up, draft, feed, marketer, reader, running, settle

S = CampaignState


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above two people somebody else must approve."""
    monkeypatch.setattr(settings(), "approval_above", 2)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(CampaignState, CampaignState)))
def test_only_the_moves_of_the_table_are_made(session: Session, before: CampaignState, after: CampaignState) -> None:
    minh = marketer(session)
    campaign = draft(session, minh)
    campaign.state = before
    if after in campaign_states.LEGAL[before]:
        campaign_states.move(session, campaign, after, minh)
        assert campaign.state is after
    else:
        with pytest.raises(IllegalTransition):
            campaign_states.move(session, campaign, after, minh)


def test_every_state_is_reached_and_only_a_stop_is_for_ever() -> None:
    reached = set().union(*campaign_states.LEGAL.values())
    assert reached == set(CampaignState)
    assert [state for state, moves in campaign_states.LEGAL.items() if not moves] == [S.CANCELLED]


def test_few_people_need_one_person_many_need_a_second(session: Session, few: None) -> None:
    minh, lien = marketer(session), marketer(session, "lien")
    for number in range(1, 4):
        reader(session, number, tier=Tier.GOLD if number < 3 else Tier.NONE)
    small = draft(session, minh, audience=audiences.tier(Tier.GOLD))
    campaigns.approve(session, small, minh)
    assert (small.state, small.approved_by) == (S.APPROVED, minh.id)
    large = draft(session, minh)
    with pytest.raises(SecondPersonNeeded) as refused:
        campaigns.schedule(session, large, minh)
    assert refused.value.people == 3
    assert large.state is S.DRAFT
    with pytest.raises(PermissionDenied):
        campaigns.approve(session, large, factories.agent(session))
    campaigns.approve(session, large, lien)
    campaigns.schedule(session, large, minh)
    assert (large.state, large.approved_by) == (S.SCHEDULED, lien.id)


def test_an_edit_ends_the_approval_and_makes_its_writer_the_author(session: Session, few: None) -> None:
    minh, lien = marketer(session), marketer(session, "lien")
    for number in range(1, 4):
        reader(session, number)
    campaign = draft(session, minh)
    campaigns.approve(session, campaign, lien)
    campaigns.edit(session, campaign, lien, "Khác", "Chào {address}", audiences.EVERYBODY)
    assert (campaign.state, campaign.approved_by) == (S.DRAFT, None)
    with pytest.raises(SecondPersonNeeded):
        campaigns.approve(session, campaign, lien)
    campaigns.approve(session, campaign, minh)


def test_an_audience_that_grew_after_one_person_approved_waits_for_a_second(session: Session, few: None) -> None:
    minh, lien = marketer(session), marketer(session, "lien")
    for number in range(1, 3):
        reader(session, number)
    campaign = draft(session, minh)
    campaigns.schedule(session, campaign, minh)
    reader(session, 3)
    feed(session)
    assert (campaign.state, campaign.pause_reason) == (S.PAUSED, PauseReason.APPROVAL)
    assert campaigns.halted(session) == [campaign]
    assert [each.words["pause_reason"] for each in staff_notices.latest(session, lien.id)] == ["approval"]
    assert campaign.approved_by is None
    assert session.scalars(select(Outbox)).all() == []
    with pytest.raises(SecondPersonNeeded):
        campaigns.resume(session, campaign, minh)
    campaigns.resume(session, campaign, lien)
    feed(session)
    assert len(session.scalars(select(Outbox)).all()) == 3


def test_a_pause_keeps_what_is_queued_and_queues_no_more(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "canary", 2)
    minh = marketer(session)
    for number in range(1, 6):
        reader(session, number)
    campaign = running(session, minh)
    campaigns.pause(session, campaign, minh)
    feed(session)
    seen = campaigns.progress(session, campaign)
    assert (seen.waiting, seen.states) == (3, {OutboxState.QUEUED: 2})
    with pytest.raises(IllegalTransition):
        campaigns.pause(session, campaign, minh)
    campaigns.resume(session, campaign, minh)
    settle(session, campaign, OutboxState.SENT)
    feed(session)
    settle(session, campaign, OutboxState.SENT)
    feed(session)
    assert campaign.state is S.FINISHED
    assert campaigns.progress(session, campaign).states == {OutboxState.SENT: 5}


def test_what_waited_through_a_long_pause_is_not_stale_when_a_person_goes_on(session: Session) -> None:
    with time_machine.travel("2026-11-22T03:00:00Z", tick=False) as traveller:
        minh = marketer(session)
        reader(session, 1)
        campaign = running(session, minh)
        campaigns.pause(session, campaign, minh)
        traveller.shift(7 * 86400)
        assert dispatch.expire(session, settings().bot_id) == 0
        campaigns.resume(session, campaign, minh)
        assert dispatch.expire(session, settings().bot_id) == 0
        row = session.scalars(select(Outbox).execution_options(populate_existing=True)).one()
        assert row.state is OutboxState.QUEUED
        assert row.expires_at is not None
        assert row.expires_at > clock.now()
        traveller.shift(4 * 86400)
        assert dispatch.expire(session, settings().bot_id) == 1  # that of one that runs is stale by then


def test_what_waited_through_a_long_pause_has_its_reason_when_a_person_gives_it_up(session: Session) -> None:
    with time_machine.travel("2026-11-22T03:00:00Z", tick=False) as traveller:
        minh = marketer(session)
        reader(session, 1)
        campaign = running(session, minh)
        campaigns.pause(session, campaign, minh)
        traveller.shift(7 * 86400)
        dispatch.expire(session, settings().bot_id)
        assert campaigns.cancel(session, campaign, minh) == 1
        assert dispatch.expire(session, settings().bot_id) == 0
        assert campaigns.progress(session, campaign).reasons == {campaigns.STOPPED: 1}


def test_an_edit_in_a_pause_reaches_all_who_were_not_sent_to_and_nobody_else(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "canary", 3)
    minh = marketer(session)
    for number in range(1, 7):
        reader(session, number)
    campaign = running(session, minh, "Bản một")
    settle(session, campaign, OutboxState.SENT, 1)
    [flying] = settle(session, campaign, OutboxState.SENDING, 1)
    with pytest.raises(IllegalTransition):
        campaigns.edit(session, campaign, minh, "Sửa", "Bản hai", audiences.EVERYBODY)
    campaigns.pause(session, campaign, minh)
    with pytest.raises(InvalidInput):
        campaigns.edit(session, campaign, minh, "Sửa", "Bản hai", audiences.tier(Tier.GOLD))
    campaigns.edit(session, campaign, minh, "Sửa", "Bản hai", audiences.EVERYBODY)
    assert adds_up(session, campaign)
    assert campaigns.progress(session, campaign).waiting == 4
    flying.state = OutboxState.QUEUED  # Telegram asked to wait: what was on its way comes back with the old text
    session.flush()
    campaigns.resume(session, campaign, minh)
    queued = session.scalars(select(Outbox).where(Outbox.state == OutboxState.QUEUED)).all()
    assert ["Bản hai" in row.body["text"] for row in queued] == 3 * [True]  # a new canary, at once
    for _ in range(3):
        feed(session)
        settle(session, campaign, OutboxState.SENT)
    feed(session)
    assert campaign.state is S.FINISHED
    pairs = session.execute(
        select(CampaignRecipient, Outbox)
        .join(Outbox, Outbox.id == CampaignRecipient.outbox_id)
        .execution_options(populate_existing=True)
    ).all()
    told = [(recipient.version, "Bản một" in row.body["text"], row.state) for recipient, row in pairs]
    assert sorted(told) == [(1, True, OutboxState.SENT)] + 5 * [(2, False, OutboxState.SENT)]
    sent = session.scalars(select(Outbox.account_id).where(Outbox.state == OutboxState.SENT)).all()
    assert len(sent) == len(set(sent)) == 6
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "campaign_edit")).one()
    assert (entry.detail["version"], entry.detail["text_before"]) == (2, "Bản một")


def test_a_text_changed_in_a_pause_is_approved_again_when_it_goes_to_many(session: Session, few: None) -> None:
    minh, lien = marketer(session), marketer(session, "lien")
    for number in range(1, 5):
        reader(session, number)
    campaign = draft(session, minh)
    campaigns.approve(session, campaign, lien)
    campaigns.schedule(session, campaign, minh)
    feed(session)
    campaigns.pause(session, campaign, minh)
    campaigns.edit(session, campaign, minh, "Sửa", "Bản hai", audiences.EVERYBODY)
    with pytest.raises(SecondPersonNeeded):
        campaigns.resume(session, campaign, minh)
    campaigns.approve(session, campaign, lien)
    assert campaign.state is S.PAUSED
    campaigns.resume(session, campaign, minh)
    assert campaign.state is S.RUNNING


def test_twenty_pauses_edits_and_resumes_lose_and_double_nobody(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 61):
        reader(session, number)
    campaign = running(session, minh, "Bản 0")
    for turn in range(1, 21):
        settle(session, campaign, OutboxState.SENT, 2)
        campaigns.pause(session, campaign, minh)
        if turn % 3 == 0:
            campaigns.edit(session, campaign, minh, "Sửa", f"Bản {turn}", audiences.EVERYBODY)
        assert adds_up(session, campaign)
        campaigns.resume(session, campaign, minh)
        feed(session)
        assert adds_up(session, campaign)
    while campaign.state is S.RUNNING:
        settle(session, campaign, OutboxState.SENT)
        feed(session)
    sent = session.scalars(select(Outbox.account_id).where(Outbox.state == OutboxState.SENT)).all()
    assert len(sent) == len(set(sent)) == 60
    assert campaigns.progress(session, campaign).states == {OutboxState.SENT: 60}


def test_the_unclear_ones_are_sent_to_again_only_when_a_person_says_so(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 5):
        reader(session, number)
    campaign = running(session, minh)
    settle(session, campaign, OutboxState.UNKNOWN, 1)
    settle(session, campaign, OutboxState.SENT)
    feed(session)
    assert campaign.state is S.FINISHED
    feed(session)
    assert len(session.scalars(select(Outbox)).all()) == 4
    assert campaigns.send_unknown_again(session, campaign, minh) == 1
    feed(session)
    rows = list(session.scalars(select(Outbox).order_by(Outbox.id)))
    assert len(rows) == 5
    assert rows[4].account_id == rows[0].account_id
    assert rows[4].dedupe_key == f"{rows[0].dedupe_key}:2"
    settle(session, campaign, OutboxState.SENT)
    feed(session)
    assert (campaign.state, campaigns.progress(session, campaign).states) == (S.FINISHED, {OutboxState.SENT: 4})
    assert campaigns.send_unknown_again(session, campaign, minh) == 0
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "campaign_again")).one()
    assert (entry.staff_id, entry.detail) == (minh.id, {"people": 1})


def test_nothing_of_a_stopped_broadcast_is_sent_again_and_what_comes_back_is_taken_back(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 3):
        reader(session, number)
    campaign = running(session, minh)
    settle(session, campaign, OutboxState.UNKNOWN, 1)
    [flying] = settle(session, campaign, OutboxState.SENDING, 1)
    campaigns.cancel(session, campaign, minh)
    with pytest.raises(IllegalTransition):
        campaigns.send_unknown_again(session, campaign, minh)
    flying.state = OutboxState.QUEUED
    session.flush()
    assert campaigns.any_due(session, clock.now())
    feed(session)
    session.refresh(flying)
    assert (flying.state, flying.reason) == (OutboxState.SKIPPED, campaigns.STOPPED)
    assert not campaigns.any_due(session, clock.now())


def test_only_the_listed_campaigns_are_halted(session: Session) -> None:
    minh = marketer(session)
    reader(session, 1)
    campaign = running(session, minh)
    campaigns.pause(session, campaign, minh)
    assert campaigns.halted(session) == []
    assert campaigns.listing(session) == [session.get_one(Campaign, campaign.id)]
    assert broadcasts.adds_up(session, campaign)
