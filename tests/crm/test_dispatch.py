import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm import clock, complaints, consents, contact_policy, dispatch, outbox, workers
from crm.dispatch import Letter, Outcome, Report
from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import Lease, Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Consent, Purpose
from crm.models.staff import Role
from crm.outbox import Button, Content
from crm.settings import settings
from tests.crm import factories

NOON = "2026-11-24T05:00:00Z"  # 12:00 in Việt Nam
NIGHT = "2026-11-24T16:00:00Z"  # 23:00


def queue(session: Session, kind: OutboxKind = OutboxKind.REPLY, chat_id: int = 1001, text: str = "x") -> Outbox:
    account = factories.conversation(session, chat_id).account
    purpose = Purpose.MARKETING if kind is OutboxKind.MARKETING else Purpose.SERVICE
    row = outbox.enqueue(session, account, Content(text), kind=kind, purpose=purpose)
    assert row is not None
    session.flush()
    return row


def claim(session: Session, fence: int = 1, limit: int = 10) -> list[Letter]:
    """Claims as if the last message to each chat were long ago."""
    session.flush()
    session.execute(update(ChannelAccount).values(quiet_until=None))
    return dispatch.claim(session, settings(), fence, limit)


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


def test_what_has_expired_is_not_sent(session: Session) -> None:
    row = queue(session)
    row.expires_at = clock.now() - timedelta(seconds=1)
    assert claim(session) == []
    assert row.state is OutboxState.EXPIRED


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        (OutboxKind.MARKETING, OutboxState.UNKNOWN, None),
        (OutboxKind.REPLY, OutboxState.QUEUED, OutboxState.UNKNOWN),
        (OutboxKind.CARE, OutboxState.QUEUED, OutboxState.UNKNOWN),
    ],
)
@time_machine.travel(NOON, tick=False)
def test_marketing_is_sent_at_most_once_and_a_reply_at_most_once_more(
    session: Session, kind: OutboxKind, first: OutboxState, second: OutboxState | None
) -> None:
    row = queue(session, kind)
    consents.record(session, row.account.customer_id, Purpose.MARKETING, granted=True, channel="telegram")
    claim(session, fence=1)
    assert dispatch.recover(session, settings().bot_id) == 1
    assert row.state is first
    if second is not None:
        claim(session, fence=2)
        dispatch.recover(session, settings().bot_id)
        assert row.state is second


def test_a_late_write_of_an_old_sender_is_rejected(session: Session) -> None:
    row = queue(session)
    (stale,) = claim(session, fence=1)
    dispatch.recover(session, settings().bot_id)
    (fresh,) = claim(session, fence=2)
    assert not factories.settle(session, stale, Outcome.SENT, message_id=1)
    assert factories.settle(session, fresh, Outcome.SENT, message_id=2)
    assert (row.state, row.telegram_message_id) == (OutboxState.SENT, 2)


def test_a_message_is_tried_six_times_with_growing_pauses_then_failed_with_its_reason(session: Session) -> None:
    row = queue(session)
    pauses = []
    with time_machine.travel(NOON, tick=False) as traveller:
        row.not_before = clock.now()
        while row.state is OutboxState.QUEUED:
            (letter,) = claim(session)
            factories.settle(session, letter, Outcome.RETRY, reason="Bad Gateway")
            pauses.append((row.not_before - clock.now()).total_seconds())
            traveller.shift(max(0, pauses[-1]))
    assert (row.state, row.reason, row.attempts) == (OutboxState.FAILED, "Bad Gateway", 6)
    assert pauses[:5] == [2, 4, 8, 16, 32]


def test_a_throttled_message_does_not_use_up_a_try(session: Session) -> None:
    row = queue(session)
    (letter,) = claim(session)
    factories.settle(session, letter, Outcome.THROTTLED, wait_s=5)
    assert (row.state, row.attempts) == (OutboxState.QUEUED, 0)
    assert claim(session) == []


def test_a_blocked_customer_is_unreachable_until_they_write_again(session: Session) -> None:
    row = queue(session)
    (letter,) = claim(session)
    factories.settle(session, letter, Outcome.UNREACHABLE, reason="bot was blocked by the user")
    assert not row.account.reachable
    later = outbox.enqueue(session, row.account, Content("y"), kind=OutboxKind.REPLY)
    assert later is not None
    claim(session)
    assert (later.state, later.reason) == (OutboxState.SKIPPED, "unreachable")
    assert factories.conversation(session).account.reachable


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


@time_machine.travel(NOON, tick=False)
def test_what_a_living_worker_sends_is_left_to_it_and_what_a_dead_one_had_is_not(session: Session) -> None:
    bot_id = settings().bot_id
    fences = [workers.enlist(session, bot_id, owner, 15) for owner in "ab"]
    rows = [queue(session, chat_id=chat) for chat in (1, 2)]
    for row, fence in zip(rows, fences, strict=True):
        row.state, row.fence, row.sending_at = OutboxState.SENDING, fence, clock.now()
    session.flush()
    assert dispatch.recover(session, bot_id) == 0
    end_lease(session, bot_id, fences[0])
    assert dispatch.recover(session, bot_id, in_hand=[rows[0].id]) == 0
    assert dispatch.recover(session, bot_id) == 1
    assert [row.state for row in rows] == [OutboxState.QUEUED, OutboxState.SENDING]


def end_lease(session: Session, bot_id: int, fence: int | None) -> None:
    over = clock.now() - timedelta(days=400)  # PostgreSQL's own clock does not travel
    session.execute(update(Lease).where(Lease.name == f"worker:{bot_id}:{fence}").values(expires_at=over))


def test_what_was_claimed_without_the_worker_knowing_is_queued_again_as_if_never_tried(session: Session) -> None:
    known, lost = queue(session, chat_id=1), queue(session, chat_id=2)
    letters = {letter.outbox_id: letter for letter in claim(session, fence=7)}
    assert dispatch.put_back(session, settings().bot_id, 7, [letters[known.id]]) == 1
    session.refresh(lost)
    assert (known.state, lost.state, lost.attempts) == (OutboxState.SENDING, OutboxState.QUEUED, 0)
    earlier = replace(letters[known.id], claimed_at=clock.now() - timedelta(seconds=1))
    assert dispatch.put_back(session, settings().bot_id, 7, [earlier]) == 1  # of this claim it has not heard either


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.NOT_REACHED, Outcome.RETRY])
def test_an_outcome_that_is_written_twice_does_not_touch_the_claim_that_came_between(
    session: Session, outcome: Outcome
) -> None:
    with time_machine.travel(NOON, tick=False) as traveller:
        row = queue(session)
        (first,) = claim(session)
        late = Report(first, outcome, "Bad Gateway")
        assert dispatch.settle_all(session, [late]) == []
        assert dispatch.settle_all(session, [late]) == [late]  # its commit went through, the word of that was lost
        traveller.shift(timedelta(seconds=3))
        (second,) = claim(session)
        assert (second.outbox_id, second.fence) == (first.outbox_id, first.fence)
        assert dispatch.settle_all(session, [late]) == [late]
        assert claim(session) == []
        assert factories.settle(session, second, Outcome.SENT, message_id=2)
    assert (row.state, row.telegram_message_id) == (OutboxState.SENT, 2)


def test_outcomes_are_written_in_groups_and_only_the_stale_ones_are_refused(session: Session) -> None:
    rows = [queue(session, chat_id=chat) for chat in (1, 2, 3)]
    mine = claim(session, fence=1)
    rows[1].fence = 2
    session.flush()
    outcomes = [Outcome.SENT, Outcome.SENT, Outcome.RETRY]
    reports = [Report(letter, outcome, message_id=9) for letter, outcome in zip(mine, outcomes, strict=True)]
    assert dispatch.settle_all(session, reports) == [reports[1]]
    assert [row.state for row in rows] == [OutboxState.SENT, OutboxState.SENDING, OutboxState.QUEUED]


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
