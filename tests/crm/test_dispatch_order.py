"""Which queued messages are claimed and when: their order, the night, consent, one at a time in a chat."""

import itertools
from datetime import timedelta

import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, complaints, consents, contact_policy, dispatch, outbox
from crm.dispatch import Outcome
from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import Consent, Purpose
from crm.models.staff import Role
from crm.outbox import Button, Content
from crm.settings import settings
from tests.crm import factories
from tests.crm.dispatch_steps import NOON, claim, queue

NIGHT = "2026-11-24T16:00:00Z"  # 23:00


@time_machine.travel(NOON, tick=False)
def test_replies_go_before_care_and_care_before_marketing_one_a_chat(session: Session) -> None:
    rows = [
        queue(session, kind, chat)
        for kind, chat in (
            (OutboxKind.MARKETING, 1),
            (OutboxKind.CARE, 2),
            (OutboxKind.REPLY, 3),
            (OutboxKind.REPLY, 3),
        )
    ]
    consents.record(session, rows[0].account.customer_id, Purpose.MARKETING, granted=True, channel="telegram")
    assert [letter.outbox_id for letter in claim(session)] == [rows[2].id, rows[1].id, rows[0].id]


@time_machine.travel(NIGHT, tick=False)
def test_at_night_replies_go_out_and_care_waits_for_the_morning(session: Session) -> None:
    care, reply = queue(session, OutboxKind.CARE, 1), queue(session, OutboxKind.REPLY, 2)
    assert [letter.outbox_id for letter in claim(session)] == [reply.id]
    assert clock.local(care.not_before, settings().zone).strftime("%d %H:%M") == "25 07:00"


@time_machine.travel(NOON, tick=False)
def test_marketing_without_consent_is_skipped_with_its_reason(session: Session) -> None:
    row = queue(session, OutboxKind.MARKETING)
    assert claim(session) == []
    assert (row.state, row.reason) == (OutboxState.SKIPPED, "no_consent")


@time_machine.travel(NOON, tick=False)
def test_a_second_advertisement_of_the_day_waits_until_tomorrow(session: Session) -> None:
    first = queue(session, OutboxKind.MARKETING)
    consents.record(session, first.account.customer_id, Purpose.MARKETING, granted=True, channel="telegram")
    (letter,) = claim(session)
    factories.settle(session, letter, Outcome.SENT, message_id=5)
    second = queue(session, OutboxKind.MARKETING)
    assert claim(session) == []
    assert clock.local(second.not_before, settings().zone).strftime("%d %H:%M") == "25 07:00"


@time_machine.travel(NOON, tick=False)
def test_a_person_with_two_chats_gets_one_advertisement_a_day(session: Session) -> None:
    rows = [queue(session, OutboxKind.MARKETING, chat) for chat in (1, 2)]
    person = rows[0].account.customer_id
    rows[1].account.customer_id = person
    consents.record(session, person, Purpose.MARKETING, granted=True, channel="telegram")
    (letter,) = claim(session)
    assert letter.outbox_id == rows[0].id
    factories.settle(session, letter, Outcome.SENT, message_id=5)
    assert claim(session) == []
    later = queue(session, OutboxKind.MARKETING, 2)
    assert claim(session) == []
    for row in (rows[1], later):
        assert clock.local(row.not_before, settings().zone).strftime("%d %H:%M") == "25 07:00"


@time_machine.travel(NOON, tick=False)
def test_what_has_expired_takes_nobodys_turn(session: Session) -> None:
    over, mine = (queue(session, OutboxKind.MARKETING, chat) for chat in (1, 2))
    person = over.account.customer_id
    mine.account.customer_id = person
    over.expires_at = clock.now() - timedelta(seconds=1)
    consents.record(session, person, Purpose.MARKETING, granted=True, channel="telegram")
    (letter,) = claim(session)
    assert letter.outbox_id == mine.id


def test_what_has_expired_is_not_sent(session: Session) -> None:
    row = queue(session)
    row.expires_at = clock.now() - timedelta(seconds=1)
    assert claim(session) == []
    assert row.state is OutboxState.EXPIRED


def test_withdrawing_consent_takes_queued_advertisements_back_at_once(session: Session) -> None:
    row = queue(session, OutboxKind.MARKETING)
    consents.record(session, row.account.customer_id, Purpose.MARKETING, granted=True, channel="telegram")
    consents.record(session, row.account.customer_id, Purpose.MARKETING, granted=False, channel="telegram")
    assert (row.state, row.reason) == (OutboxState.SKIPPED, "consent_withdrawn")


def test_the_same_message_is_queued_once_and_buttons_stay_on_our_side(session: Session) -> None:
    account = factories.conversation(session).account
    content = Content("Hỏi?", buttons=[[Button("Có", "/affirm")]])
    row = outbox.enqueue(session, account, content, kind=OutboxKind.REPLY, dedupe_key="k")
    assert row is not None
    assert outbox.enqueue(session, account, content, kind=OutboxKind.REPLY, dedupe_key="k") is None
    assert len(session.scalars(select(Outbox)).all()) == 1
    assert "/affirm" not in str(row.body)
    assert len(row.body["buttons"][0][0]["token"].encode()) <= 64


def test_a_reply_waits_for_an_earlier_one_that_is_tried_again(session: Session) -> None:
    with time_machine.travel(NOON, tick=False) as traveller:
        first, second = queue(session, text="1"), queue(session, text="2")
        (letter,) = claim(session)
        factories.settle(session, letter, Outcome.RETRY, reason="Bad Gateway")
        assert claim(session) == []
        traveller.shift(3)
        (letter,) = claim(session)
        assert letter.outbox_id == first.id
        factories.settle(session, letter, Outcome.SENT, message_id=1)
        assert [letter.outbox_id for letter in claim(session)] == [second.id]


@time_machine.travel(NOON, tick=False)
def test_news_of_a_complaint_waits_for_a_customer_who_is_away(session: Session) -> None:
    row = queue(session, OutboxKind.CARE)
    row.account.reachable = False
    claim(session)
    assert row.state is OutboxState.SKIPPED
    dispatch.take_up_again(session, row.account_id)
    row.account.reachable = True
    session.refresh(row)
    assert [letter.outbox_id for letter in claim(session)] == [row.id]


def test_whoever_comes_back_hears_the_news_of_the_last_days_only(session: Session) -> None:
    with time_machine.travel(NOON, tick=False) as traveller:
        stale = queue(session, OutboxKind.CARE, text="cũ")
        traveller.shift(timedelta(days=2))
        news = queue(session, OutboxKind.CARE, text="mới")
        news.account.reachable = False
        assert claim(session) == []
        traveller.shift(timedelta(days=1))
        dispatch.take_up_again(session, news.account_id)
        session.expire_all()
        assert (stale.state, stale.reason) == (OutboxState.SKIPPED, "unreachable")
        assert news.state is OutboxState.QUEUED


def campaign(session: Session, state: CampaignState) -> Campaign:
    staff = factories.agent(session, role=Role.MARKETING)
    found = Campaign(name="x", text="x", audience={"kind": "all"}, state=state, created_by=staff.id)
    found.created_at = clock.now()
    session.add(found)
    session.flush()
    return found


@time_machine.travel(NOON, tick=False)
def test_what_a_paused_broadcast_has_queued_stays_where_it_is_until_it_runs_again(session: Session) -> None:
    broadcast = campaign(session, CampaignState.PAUSED)
    row = queue(session, OutboxKind.MARKETING)
    row.campaign_id = broadcast.id
    consents.record(session, row.account.customer_id, Purpose.MARKETING, granted=True, channel="telegram")
    assert claim(session) == []
    assert row.state is OutboxState.QUEUED
    broadcast.state = CampaignState.RUNNING
    assert [letter.outbox_id for letter in claim(session)] == [row.id]


def test_one_message_a_chat_is_in_flight_and_the_next_keeps_its_distance(session: Session) -> None:
    with time_machine.travel(NOON, tick=False) as traveller:
        first, second = queue(session, OutboxKind.REPLY), queue(session, OutboxKind.CARE)
        bot = settings()
        (letter,) = dispatch.claim(session, bot, 1, 10)
        assert letter.outbox_id == first.id
        traveller.shift(60)
        assert dispatch.claim(session, bot, 2, 10) == []
        factories.settle(session, letter, Outcome.SENT, message_id=1)
        (letter,) = dispatch.claim(session, bot, 2, 10)
        assert letter.outbox_id == second.id
        factories.settle(session, letter, Outcome.SENT, message_id=2)
        queue(session)
        traveller.shift(bot.chat_gap_s)
        assert dispatch.claim(session, bot, 1, 10) == []
        traveller.shift(0.3)
        assert len(dispatch.claim(session, bot, 1, 10)) == 1


def test_the_queue_is_swept_of_what_has_expired(session: Session) -> None:
    gone, fresh = queue(session, chat_id=1), queue(session, chat_id=2)
    gone.expires_at, fresh.expires_at = clock.now() - timedelta(seconds=1), clock.now() + timedelta(hours=1)
    session.flush()
    assert dispatch.expire(session, settings().bot_id) == 1
    session.refresh(gone)
    assert (gone.state, gone.reason, fresh.state) == (OutboxState.EXPIRED, "expired", OutboxState.QUEUED)


@time_machine.travel(NOON, tick=False)
def test_the_policy_of_a_batch_is_the_policy_of_each(session: Session) -> None:
    shapes = list(itertools.product([True, False], [None, True, False], [True, False], [0, 1], Purpose))
    rows = []
    for number, (reachable, consent, complains, sent, purpose) in enumerate(shapes):
        row = queue(session, OutboxKind.MARKETING if purpose is Purpose.MARKETING else OutboxKind.CARE, 2000 + number)
        row.purpose, row.account.reachable = purpose, reachable
        customer_id = row.account.customer_id
        if consent is not None:
            for granted in (not consent, consent):
                session.add(_consent(customer_id, purpose, granted))
        if complains:
            complaints.submit(session, row.account.customer, None, complaints.Report(description="hỏng"))
        for _ in range(sent):
            earlier = queue(session, OutboxKind.MARKETING, 2000 + number)
            earlier.state, earlier.sending_at = OutboxState.SENT, clock.now()
        rows.append(row)
    session.flush()
    verdicts = contact_policy.decide_all(session, rows, clock.now(), settings())
    assert len({verdict.refusal for verdict in verdicts}) == 4
    for row, verdict, (*_, sent, purpose) in zip(rows, verdicts, shapes, strict=True):
        assert verdict.refusal == contact_policy.standing_refusal(session, row.account, purpose)
        waits = verdict.refusal is None and bool(sent) and purpose is Purpose.MARKETING
        assert (verdict.wait_until is not None) == waits


def _consent(customer_id: int, purpose: Purpose, granted: bool) -> Consent:
    words = {"wording_version": "1", "channel": "telegram", "at": clock.now()}
    return Consent(customer_id=customer_id, purpose=purpose, granted=granted, **words)
