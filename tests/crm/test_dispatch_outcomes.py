"""What becomes of a claimed message: its outcome, further tries, and what a worker that died or lags behind leaves."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update
from sqlalchemy.orm import Session

from crm import clock, consents, dispatch, outbox, workers
from crm.dispatch import Outcome, Report
from crm.models.messaging import Lease, OutboxKind, OutboxState
from crm.models.people import Purpose
from crm.outbox import Content
from crm.settings import settings
from tests.crm import factories
from tests.crm.dispatch_steps import NOON, claim, queue


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
