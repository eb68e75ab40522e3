"""First the canary, then the others; none once too many go wrong; those who bought first."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import campaign_watch, campaigns, clock, staff_notices
from crm.models.campaigns import CampaignRecipient, CampaignState, PauseReason, TrialAccount
from crm.models.catalogue import Purchase, PurchaseStatus
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import AuditEntry, ChannelAccount, Consent, Tier
from crm.models.service import NoticeKind
from crm.settings import settings
from tests.crm import factories
from tests.crm.broadcasts import feed, marketer, reader, running, settle


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "canary", 5)
    monkeypatch.setattr(settings(), "campaign_error_rate", 0.2)


def _queued(session: Session) -> int:
    return len(session.scalars(select(Outbox.id).where(Outbox.state == OutboxState.QUEUED)).all())


def test_the_canary_goes_alone_and_the_others_follow_once_it_arrived(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 13):
        reader(session, number)
    campaign = running(session, minh)
    assert _queued(session) == 5
    settle(session, campaign, OutboxState.SENT, 4)
    feed(session)
    assert _queued(session) == 1
    settle(session, campaign, OutboxState.FAILED, 1)  # one in five is no more than the setting allows
    feed(session)
    assert _queued(session) == 7
    assert campaign.canary_passed_at is not None


def test_a_canary_that_fails_stops_the_broadcast_and_says_why(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 13):
        reader(session, number)
    campaign = running(session, minh)
    settle(session, campaign, OutboxState.SENT, 3)
    settle(session, campaign, OutboxState.FAILED, 1)
    settle(session, campaign, OutboxState.UNKNOWN, 1)
    feed(session)
    assert (campaign.state, campaign.pause_reason) == (CampaignState.PAUSED, PauseReason.ERRORS)
    assert campaign.pause_detail == {"errors": 2, "tried": 5}
    assert campaigns.halted(session) == [campaign]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "campaign_halted")).one()
    assert (entry.staff_id, entry.detail["reason"]) == (None, "errors")
    feed(session)
    assert _queued(session) == 0
    campaigns.resume(session, campaign, minh)
    assert campaigns.halted(session) == []
    feed(session)
    assert _queued(session) == 5  # a new canary, judged by itself
    settle(session, campaign, OutboxState.SENT)
    feed(session)
    assert (campaign.state, _queued(session)) == (CampaignState.RUNNING, 2)


def test_whoever_looks_after_broadcasts_is_told_once_of_each_stop_wherever_they_are(session: Session) -> None:
    minh, lien, lan = marketer(session), marketer(session, "lien"), factories.agent(session)
    chat = reader(session, 100, agreed=False).account
    session.add(TrialAccount(staff_id=lien.id, account_id=chat.id, at=clock.now()))
    for number in range(1, 13):
        reader(session, number)
    campaign = running(session, minh)
    settle(session, campaign, OutboxState.FAILED)
    feed(session)
    feed(session)
    [told] = staff_notices.latest(session, minh.id)
    assert (told.kind, told.target) == (NoticeKind.BROADCAST_HALTED, f"/broadcasts/{campaign.id}")
    assert (told.words["name"], told.words["pause_reason"]) == (campaign.name, "errors")
    assert [staff_notices.unread(session, who.id) for who in (minh, lien, lan)] == [1, 1, 0]
    row = session.scalars(select(Outbox).where(Outbox.account_id == chat.id)).one()
    assert campaign.name in row.body["text"]
    assert told.words["why"] in row.body["text"]
    campaigns.resume(session, campaign, minh)
    settle(session, campaign, OutboxState.FAILED)
    feed(session)
    assert staff_notices.unread(session, minh.id) == 2


def test_it_is_watched_to_the_end(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 41):
        reader(session, number)
    campaign = running(session, minh)
    settle(session, campaign, OutboxState.SENT)
    feed(session)
    settle(session, campaign, OutboxState.SENT, 10)
    feed(session)
    assert campaign.state is CampaignState.RUNNING
    settle(session, campaign, OutboxState.FAILED, 5)
    feed(session)
    assert campaign.state is CampaignState.PAUSED
    assert campaign.pause_detail == {"errors": 5, "tried": 20}
    assert _queued(session) == 20


def test_who_may_not_get_it_today_holds_up_neither_the_canary_nor_the_others(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 13):
        reader(session, number)
    campaign = running(session, minh)
    far = clock.now().replace(year=2099)
    waits = list(session.scalars(select(Outbox).order_by(Outbox.id).limit(3)))
    for row in waits:
        row.not_before = far
    session.flush()
    feed(session)
    assert _queued(session) == 5 + 3
    for row in session.scalars(select(Outbox).where(Outbox.not_before < far)):
        row.state, row.sending_at, row.sent_at = OutboxState.SENT, clock.now(), clock.now()
    session.flush()
    feed(session)
    assert campaign.canary_passed_at is not None
    assert _queued(session) == 12 - 5


def test_nothing_is_judged_once_everything_is_done(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 6):
        reader(session, number)
    campaign = running(session, minh)
    settle(session, campaign, OutboxState.FAILED)
    feed(session)
    assert campaign.state is CampaignState.FINISHED


def test_only_so_much_is_queued_ahead(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "canary", 0)
    monkeypatch.setattr(settings(), "send_rate", 1)
    monkeypatch.setattr(campaign_watch, "LEAST_AHEAD", 10)
    minh = marketer(session)
    for number in range(1, 43):
        reader(session, number)
    campaign = running(session, minh)
    assert _queued(session) == 30
    settle(session, campaign, OutboxState.SENT, 25)
    feed(session)
    assert _queued(session) == 17


def test_who_bought_goes_first_and_higher_tiers_before_others(session: Session) -> None:
    minh = marketer(session)
    people = {name: reader(session, number, tier=tier).customer for number, (name, tier) in enumerate(ORDER, 1)}
    for name in ("silver buyer", "gold buyer", "plain buyer", "cancelled"):
        status = PurchaseStatus.CANCELLED if name == "cancelled" else PurchaseStatus.DELIVERED
        order = Purchase(order_code=name, customer_id=people[name].id, status=status, purchased_at=clock.now())
        session.add(order)
    session.flush()
    running(session, minh)
    accounts = list(session.scalars(select(Outbox.account_id).order_by(Outbox.id)))
    by_account = {talk.accounts[0].id: name for name, talk in people.items()}
    assert [by_account[number] for number in accounts] == [
        "gold buyer",
        "silver buyer",
        "plain buyer",
        "platinum",
        "gold",
    ]
    last = session.scalars(select(CampaignRecipient).order_by(CampaignRecipient.rank.desc())).first()
    assert last is not None
    assert last.customer_id == people["cancelled"].id


ORDER = [
    ("cancelled", Tier.NONE),
    ("gold", Tier.GOLD),
    ("plain buyer", Tier.NONE),
    ("silver buyer", Tier.SILVER),
    ("platinum", Tier.PLATINUM),
    ("gold buyer", Tier.GOLD),
]


def test_somebody_erased_is_never_written_to_and_the_snapshot_stands(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 9):
        reader(session, number)
    campaign = running(session, minh)
    waiting = select(CampaignRecipient).where(CampaignRecipient.outbox_id.is_(None))
    gone = session.scalars(waiting.order_by(CampaignRecipient.id)).first()
    assert gone is not None
    talk = session.scalars(select(ChannelAccount).where(ChannelAccount.customer_id == gone.customer_id)).one()
    customer = talk.customer
    for each in (*session.query(Consent).filter_by(customer_id=customer.id), *_talks(session, talk.id), talk, customer):
        session.delete(each)
        session.flush()
    session.expire_all()
    assert campaigns.progress(session, campaign).total == 8
    settle(session, campaign, OutboxState.SENT)
    feed(session)
    settle(session, campaign, OutboxState.SENT)
    feed(session)
    seen = campaigns.progress(session, campaign)
    assert (campaign.state, seen.states, seen.left_out) == (CampaignState.FINISHED, {OutboxState.SENT: 7}, 1)
    assert seen.reasons == {"no_account": 1}


def _talks(session: Session, account_id: int) -> list[object]:
    return list(session.scalars(select(Conversation).where(Conversation.account_id == account_id)))
