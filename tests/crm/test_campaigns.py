import threading
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import advertisements, audiences, campaigns, clock, complaints, templates
from crm.complaints import Report
from crm.contact_policy import Refusal
from crm.db import Database
from crm.errors import IllegalTransition, InvalidInput, PermissionDenied
from crm.models.campaigns import CampaignRecipient, CampaignState
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import Address, AuditEntry, Customer, Purpose, Tier
from crm.models.staff import Staff
from tests.crm import broadcasts, factories
from tests.crm.broadcasts import TEXT

_reader, _minh, _campaign = broadcasts.reader, broadcasts.marketer, broadcasts.draft


def _run(session: Session) -> None:
    while campaigns.start_due(session, clock.now()):
        pass


def test_an_advertisement_begins_with_qc_and_ends_with_the_way_out() -> None:
    text = advertisements.preview(TEXT, Customer(name="Lê Thị Hoa", address=Address.CO))
    assert text.startswith("[QC] Cô Hoa ơi, nồi chiên")
    assert text.endswith(templates.plain("marketing_footer"))
    assert "STOP" in text
    assert advertisements.preview("[QC] " + TEXT, Customer(name="Lê Thị Hoa", address=Address.CO)) == text
    assert advertisements.preview(TEXT, Customer(name="", address=Address.CO)).startswith("[QC] Cô ơi,")
    assert "<b>&_*[{name}" in advertisements.preview(TEXT, Customer(name="<b>&_*[{name}", address=Address.ANH))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "[QC] ",
        "{ten} ơi",
        "{name.__class__}",
        "{name!r}",
        "{name:>9999}",
        "{}",
        "{0}",
        "giảm {20",
        "x" * 4097,
    ],
)
def test_a_text_that_cannot_go_out_is_refused_when_it_is_saved(session: Session, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        campaigns.create(session, _minh(session), "Tháng 11", text, audiences.EVERYBODY)
    assert refused.value.field == "text"


def test_the_longest_text_that_is_accepted_fits_telegram_for_the_longest_name() -> None:
    room = 4096 - advertisements.length(advertisements.preview("{name}", Customer(name="ằ" * 100, address=Address.ANH)))
    body = "{name}" + "😀" * (room // 2)
    text = advertisements.preview(body, Customer(name="ằ" * 100, address=Address.ANH))
    assert 4095 <= len(text.encode("utf-16-le")) // 2 <= 4096
    with pytest.raises(InvalidInput):
        advertisements.check(body + "😀")


@pytest.mark.parametrize(
    "audience", [{}, {"kind": "tier", "tier": "wood"}, {"kind": "person"}, {"kind": "all", "x": 1}]
)
def test_an_audience_that_cannot_be_understood_is_refused(session: Session, audience: audiences.Audience) -> None:
    with pytest.raises(InvalidInput):
        audiences.estimate(session, audience)


def test_the_estimate_says_how_many_and_why_others_not(session: Session) -> None:
    gold = _reader(session, 1, tier=Tier.GOLD)
    _reader(session, 2, agreed=False)
    _reader(session, 3).account.reachable = False
    upset = _reader(session, 4)
    complaints.submit(session, upset.customer, upset, Report("hỏng"))
    session.add(Customer(name="Chưa nhắn", created_at=clock.now()))
    session.flush()
    everybody = audiences.estimate(session, audiences.EVERYBODY)
    assert everybody.reach == 1
    assert everybody.left_out == dict.fromkeys(Refusal, 1)
    assert everybody.total == 5
    assert audiences.estimate(session, audiences.tier(Tier.GOLD)).reach == 1
    assert audiences.estimate(session, audiences.tier(Tier.SILVER)).total == 0
    assert audiences.estimate(session, audiences.person(gold.customer_id)).total == 1
    assert audiences.estimate(session, audiences.person(upset.customer_id)).left_out == {Refusal.OPEN_COMPLAINT: 1}


def test_it_goes_out_at_its_time_to_those_who_may_get_it_and_finishes(session: Session) -> None:
    with time_machine.travel("2026-11-22T03:00:00Z", tick=False) as traveller:
        reached, refused = _reader(session, 1), _reader(session, 2, agreed=False)
        campaign = _campaign(session, _minh(session))
        campaigns.schedule(
            session, campaign, session.get_one(Staff, campaign.created_by), clock.now() + timedelta(hours=1)
        )
        assert campaigns.start_due(session, clock.now()) == 0
        assert not campaigns.any_due(session, clock.now())
        traveller.shift(3600)
        assert campaigns.any_due(session, clock.now())
        _run(session)
        row = session.scalars(select(Outbox)).one()
        assert (row.account_id, row.kind, row.purpose) == (reached.account_id, OutboxKind.MARKETING, Purpose.MARKETING)
        assert (row.campaign_id, row.dedupe_key) == (campaign.id, f"campaign:{campaign.id}:{reached.customer_id}")
        assert row.body["text"].startswith("[QC] Chị Hạnh ơi")
        left_out = session.scalars(select(CampaignRecipient).where(CampaignRecipient.outbox_id.is_(None))).one()
        assert (left_out.customer_id, left_out.reason) == (refused.customer_id, "no_consent")
        assert campaigns.finish_done(session, clock.now()) == 0
        row.state = OutboxState.SENT
        session.flush()
        assert campaigns.finish_done(session, clock.now()) == 1
        assert (campaign.state, campaign.finished_at) == (CampaignState.FINISHED, clock.now())
        assert not campaigns.any_due(session, clock.now())


def test_who_comes_after_the_start_is_not_written_to(session: Session) -> None:
    minh = _minh(session)
    _reader(session, 1)
    campaign = _campaign(session, minh)
    campaigns.schedule(session, campaign, minh)
    _run(session)
    _reader(session, 2)
    _run(session)
    assert len(session.scalars(select(Outbox)).all()) == 1


def test_it_queues_in_steps_and_the_counts_add_up(session: Session) -> None:
    minh = _minh(session)
    for number in range(1, 8):
        _reader(session, number)
    _reader(session, 8, agreed=False)
    campaign = _campaign(session, minh)
    campaigns.schedule(session, campaign, minh)
    assert campaigns.start_due(session, clock.now(), limit=3) == 1 + 3
    halfway = campaigns.progress(session, campaign)
    assert (halfway.total, halfway.waiting, halfway.left_out) == (8, 4, 1)
    assert halfway.states == {OutboxState.QUEUED: 3}
    assert halfway.done == 1
    assert campaigns.start_due(session, clock.now(), limit=3) == 3
    assert campaigns.start_due(session, clock.now(), limit=3) == 1
    assert campaigns.start_due(session, clock.now(), limit=3) == 0
    rows = list(session.scalars(select(Outbox).order_by(Outbox.id)))
    rows[0].state, rows[1].state, rows[1].reason = OutboxState.SENT, OutboxState.FAILED, "blocked"
    rows[2].reason = "connect time-out, tried again later"
    session.flush()
    later = campaigns.progress(session, campaign)
    assert later.states == {OutboxState.SENT: 1, OutboxState.FAILED: 1, OutboxState.QUEUED: 5}
    assert later.reasons == {"no_consent": 1, "blocked": 1}
    assert (later.waiting, later.done, later.total) == (0, 3, 8)


def test_a_stop_takes_back_what_is_queued_and_what_is_not_yet(session: Session) -> None:
    minh = _minh(session)
    for number in range(1, 6):
        _reader(session, number)
    campaign = _campaign(session, minh)
    campaigns.schedule(session, campaign, minh)
    campaigns.start_due(session, clock.now(), limit=3)
    first = session.scalars(select(Outbox).order_by(Outbox.id)).first()
    assert first is not None
    first.state = OutboxState.SENDING
    session.flush()
    assert campaigns.cancel(session, campaign, minh) == 2
    assert campaigns.start_due(session, clock.now()) == 0
    stopped = campaigns.progress(session, campaign)
    assert stopped.states == {OutboxState.SENDING: 1, OutboxState.SKIPPED: 2}
    assert stopped.reasons == {campaigns.STOPPED: 4}
    assert (stopped.waiting, stopped.left_out) == (0, 2)
    assert campaign.state is CampaignState.CANCELLED


def test_only_legal_changes_by_those_who_may_and_each_in_the_audit_log(session: Session) -> None:
    minh, lan = _minh(session), factories.agent(session)
    with pytest.raises(PermissionDenied):
        _campaign(session, lan)
    campaign = _campaign(session, minh)
    campaigns.edit(session, campaign, minh, "Khác", "Chào {address}", audiences.tier(Tier.GOLD))
    with pytest.raises(PermissionDenied):
        campaigns.schedule(session, campaign, lan)
    with pytest.raises(InvalidInput):
        campaigns.schedule(session, campaign, minh, clock.now() - timedelta(minutes=1))
    campaigns.schedule(session, campaign, minh, clock.now() + timedelta(hours=1))
    with pytest.raises(IllegalTransition):
        campaigns.edit(session, campaign, minh, "Khác", "Chào", audiences.EVERYBODY)
    campaigns.unschedule(session, campaign, minh)
    campaigns.cancel(session, campaign, minh)
    for change in (campaigns.schedule, campaigns.cancel, campaigns.unschedule):
        with pytest.raises(IllegalTransition):
            change(session, campaign, minh)
    session.flush()
    actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == [
        f"campaign_{word}" for word in ("create", "edit", "approved", "scheduled", "approved", "cancelled")
    ]


def test_a_stop_in_the_middle_of_queueing_leaves_nothing_on_its_way(database: Database) -> None:
    with database.begin() as session:
        minh_id = _minh(session).id
        for number in range(1, 61):
            _reader(session, number)
        campaign_id = _campaign(session, session.get_one(Staff, minh_id)).id
        campaigns.schedule(session, campaigns.get(session, campaign_id), session.get_one(Staff, minh_id))
    errors: list[BaseException] = []

    def queue() -> None:
        try:
            for _ in range(40):
                with database.begin() as session:
                    campaigns.start_due(session, clock.now(), limit=2)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=queue) for _ in range(2)]
    for worker in workers:
        worker.start()
    for _ in range(200):
        with database.read() as session:
            if campaigns.progress(session, campaigns.get(session, campaign_id)).states:
                break
    with database.begin() as session:
        campaigns.cancel(session, campaigns.get(session, campaign_id), session.get_one(Staff, minh_id))
    for worker in workers:
        worker.join(30)
    assert errors == []
    with database.read() as session:
        progress = campaigns.progress(session, campaigns.get(session, campaign_id))
    assert progress.waiting == 0
    assert set(progress.states) <= {OutboxState.SKIPPED}
    assert progress.reasons == {campaigns.STOPPED: 60}
