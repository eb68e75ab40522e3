"""The time at which a broadcast will be through, against the clock."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy.orm import Session

from crm import campaign_estimate, campaigns, clock, dispatch
from crm.campaign_estimate import finish_at
from crm.models.campaigns import Campaign, CampaignState
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import Purpose
from crm.settings import Settings, settings
from scheduler import app
from tests.crm import factories
from tests.crm.broadcasts import draft, feed, marketer, reader, running, settle

NOON = datetime(2026, 11, 22, 5, tzinfo=UTC)
DEFAULT = Settings(_env_file=None)


def _second_by_second(moment: datetime, remaining: int, deferred: int, rate: int, steps: int = 60) -> datetime:
    """The same, by trying: every minute as many as the rate allows, none at night, the deferred from tomorrow on."""
    now, later, day = remaining - deferred, deferred, clock.local(moment, DEFAULT.zone).date()
    while now + later > 0:
        here = clock.local(moment, DEFAULT.zone)
        if here.date() != day:
            now, later, day = now + later, 0, here.date()
        if DEFAULT.quiet_until_hour <= here.hour < DEFAULT.quiet_from_hour:
            now -= min(now, rate * steps)
        moment += timedelta(seconds=steps)
    return moment


@pytest.mark.parametrize("hours", [0, 2, 9.9, 10.5, 15, 18])
@pytest.mark.parametrize(("remaining", "deferred"), [(60_000, 0), (60_000, 500), (900_000, 0), (3_000_000, 1_000_000)])
def test_it_is_right_at_any_hour_and_over_several_days(hours: float, remaining: int, deferred: int) -> None:
    begins = NOON + timedelta(hours=hours)
    said = finish_at(begins, remaining, deferred, 25, DEFAULT)
    tried = _second_by_second(begins, remaining, deferred, 25)
    assert said is not None
    assert abs(said - tried) <= 0.02 * (tried - begins) + timedelta(minutes=2)


def test_nothing_left_is_over_and_what_may_never_go_has_no_end() -> None:
    assert finish_at(NOON, 0, 0, 25, DEFAULT) == NOON
    assert finish_at(NOON, 10, 0, 0, DEFAULT) is None
    assert finish_at(NOON, 10, 0, 25, DEFAULT.model_copy(update={"marketing_per_day": 0})) is None
    late = datetime(2026, 11, 22, 14, 59, 58, tzinfo=UTC)  # 21:59:58 at the shop
    assert finish_at(late, 100, 0, 25, DEFAULT) == datetime(2026, 11, 23, 0, 0, 2, tzinfo=UTC)


def test_it_is_right_within_a_tenth_while_replies_go_first(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "send_rate", 4)
    with time_machine.travel(NOON, tick=False) as traveller:
        minh = marketer(session)
        for number in range(1, 181):
            reader(session, number)
        account = reader(session, 500, agreed=False).account
        for _ in range(300):  # in five minutes: one reply a second
            session.add(_reply(account.id))
        campaign = draft(session, minh)
        campaigns.schedule(session, campaign, minh)
        feed(session)
        said = campaign_estimate.finish_of(session, campaign, clock.now(), settings())
        while campaign.state is CampaignState.RUNNING:
            for letter in dispatch.claim(session, settings(), 1, 3):  # the fourth of each second is a reply
                assert factories.settle(session, letter, dispatch.Outcome.SENT, message_id=1)
            session.add(_reply(account.id))
            traveller.shift(1)
            if round((clock.now() - NOON).total_seconds()) % 3 == 0:
                feed(session)
        took, told = clock.now() - NOON, said - NOON if said else timedelta()
    assert abs(told - took) <= 0.1 * took
    assert campaign_estimate.finish_of(session, campaign, clock.now(), settings()) is None


@pytest.mark.parametrize("people", [15, 40, 120])
def test_it_is_right_for_a_small_broadcast_which_waits_for_its_canary_most_of_the_time(
    session: Session, monkeypatch: pytest.MonkeyPatch, people: int
) -> None:
    monkeypatch.setattr(settings(), "canary", 20)
    monkeypatch.setattr(settings(), "send_rate", 25)
    with time_machine.travel(NOON, tick=False) as traveller:
        minh = marketer(session)
        for number in range(1, people + 1):
            reader(session, number)
        campaign = draft(session, minh)
        planned = campaign_estimate.finish_if_sent(session, people, clock.now(), settings())
        campaigns.schedule(session, campaign, minh)
        took, told = _send_all(session, traveller, campaign, 25)
        assert abs(told[0] - took) <= 0.1 * took
        assert all(abs(left) <= timedelta(seconds=1) for left in (said - took for said in told))
        assert planned is not None
        assert abs(planned - NOON - took) <= timedelta(seconds=campaign_estimate.LOOK_S / 2 + 0.1)


def _send_all(session: Session, traveller: Any, campaign: Campaign, rate: int) -> tuple[timedelta, list[timedelta]]:
    """When the last message was sent, and what was told of it all the while; the scheduler wakes every third second."""
    told: list[timedelta] = []
    last, step = NOON, 5
    for turn in itertools.count():
        if turn % round(campaign_estimate.LOOK_S * rate / step) == 0:
            feed(session)
        if campaign.state is not CampaignState.RUNNING:
            return last - NOON, told
        said = campaign_estimate.finish_of(session, campaign, clock.now(), settings())
        traveller.shift(step / rate)
        for letter in dispatch.claim(session, settings(), 1, step):
            assert factories.settle(session, letter, dispatch.Outcome.SENT, message_id=1)
            last = clock.now()
        if said is not None and last == clock.now():
            told.append(said - NOON)
    raise AssertionError


def test_the_scheduler_looks_as_often_as_the_estimate_says() -> None:
    assert timedelta(seconds=campaign_estimate.LOOK_S) == app.SHORT


def test_without_a_limit_it_is_a_minute_and_then_what_was_measured(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "canary", 0)
    monkeypatch.setattr(settings(), "send_rate", 0)
    with time_machine.travel(NOON, tick=False) as traveller:
        minh = marketer(session)
        for number in range(1, 101):
            reader(session, number)
        campaign = running(session, minh)
        assert campaign_estimate.finish_of(session, campaign, clock.now(), settings()) == NOON + timedelta(minutes=1)
        for _ in range(3):
            settle(session, campaign, OutboxState.SENT, 10)
            traveller.shift(2)
        said = campaign_estimate.finish_of(session, campaign, clock.now(), settings())
        assert said == clock.now() + timedelta(seconds=70 / 5)


def _reply(account_id: int) -> Outbox:
    return Outbox(
        bot_id=settings().bot_id,
        account_id=account_id,
        kind=OutboxKind.REPLY,
        purpose=Purpose.SERVICE,
        priority=0,
        body={"text": "Dạ"},
        state=OutboxState.SENT,
        not_before=clock.now(),
        created_at=clock.now(),
        sent_at=clock.now(),
    )


def test_those_who_had_theirs_today_come_tomorrow(session: Session) -> None:
    with time_machine.travel(NOON, tick=False):
        minh = marketer(session)
        for number in range(1, 6):
            reader(session, number)
        first, second = running(session, minh), running(session, minh)
        settle(session, first, OutboxState.SENT, 2)
        tomorrow = clock.next_local_hour(clock.now(), 7, settings().zone)
        said = campaign_estimate.finish_of(session, second, clock.now(), settings())
        assert said is not None
        assert timedelta() < said - tomorrow < timedelta(seconds=2)
        said = campaign_estimate.finish_of(session, first, clock.now(), settings())
        assert said is not None
        assert said - clock.now() < timedelta(seconds=2)


def test_an_older_broadcast_goes_first(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "send_rate", 1)
    with time_machine.travel(NOON, tick=False):
        minh = marketer(session)
        for number in range(1, 31):
            reader(session, number)
        first, second = running(session, minh), running(session, minh)
        said = [campaign_estimate.finish_of(session, each, clock.now(), settings()) for each in (first, second)]
        # A canary of 20 has arrived after 20 seconds, and the scheduler looks at the 21st.
        assert said == [NOON + timedelta(seconds=31), NOON + timedelta(seconds=61)]


def test_before_it_begins_it_counts_from_its_time(session: Session) -> None:
    with time_machine.travel(NOON, tick=False):
        minh = marketer(session)
        reader(session, 1)
        campaign = draft(session, minh)
        campaigns.schedule(session, campaign, minh, NOON + timedelta(hours=2))
        said = campaign_estimate.finish_of(session, campaign, clock.now(), settings())
        assert said is not None
        assert timedelta(hours=2) < said - NOON < timedelta(hours=2, seconds=2)
