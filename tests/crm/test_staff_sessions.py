"""Log-ins end: after hours, when nothing is done, when ended, when the person is shut out."""

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import staff_sessions
from crm.login_waits import Origin
from crm.models.staff import StaffSession
from tests.crm import factories

HOUR = 3600


def test_a_session_lasts_twelve_hours_and_the_token_is_not_stored(session: Session) -> None:
    lan = factories.agent(session)
    with time_machine.travel("2026-11-22T01:00:00Z", tick=False) as traveller:
        token = staff_sessions.start(session, lan)
        assert token not in session.scalars(select(StaffSession.token_hash)).all()
        for _ in range(12):
            assert staff_sessions.staff_of(session, token) is lan
            traveller.shift(HOUR)
            staff_sessions.seen(session, token)
        traveller.shift(1)
        assert staff_sessions.staff_of(session, token) is None, "however busy the person is"
        staff_sessions.start(session, lan)
        assert len(session.scalars(select(StaffSession)).all()) == 1, "the one that ran out is swept away"


def test_who_does_nothing_for_two_hours_is_logged_out(session: Session) -> None:
    lan = factories.agent(session)
    with time_machine.travel("2026-11-22T01:00:00Z", tick=False) as traveller:
        token = staff_sessions.start(session, lan)
        traveller.shift(2 * HOUR)
        assert staff_sessions.staff_of(session, token) is lan
        traveller.shift(1)
        assert staff_sessions.staff_of(session, token) is None
        staff_sessions.seen(session, token)
        assert staff_sessions.staff_of(session, token) is None, "a late sign of life wakes nothing"


def test_being_there_is_written_at_most_once_a_minute(session: Session) -> None:
    lan = factories.agent(session)
    with time_machine.travel("2026-11-22T01:00:00Z", tick=False) as traveller:
        token = staff_sessions.start(session, lan, Origin("203.0.113.7", "Firefox"))
        moments = set()
        for _ in range(120):
            traveller.shift(1)
            staff_sessions.seen(session, token)
            session.expire_all()
            (row,) = staff_sessions.of(session, lan.id)
            moments.add(row.last_seen_at)
        assert len(moments) == 3
        assert (row.address, row.device) == ("203.0.113.7", "Firefox")
        assert staff_sessions.is_of(row, token)


@pytest.mark.parametrize("how", ["end", "end_one", "end_all", "disabled"])
def test_an_ended_session_is_worth_nothing_and_others_go_on(session: Session, how: str) -> None:
    lan, hai = factories.agent(session), factories.agent(session, "hai")
    first, other = staff_sessions.start(session, lan), staff_sessions.start(session, hai)
    if how == "end":
        staff_sessions.end(session, first)
    elif how == "end_one":
        (row,) = staff_sessions.of(session, lan.id)
        staff_sessions.end_one(session, hai.id, row.token_hash)
        assert staff_sessions.staff_of(session, first) is lan, "only with whom it belongs to"
        staff_sessions.end_one(session, lan.id, row.token_hash)
    elif how == "end_all":
        staff_sessions.end_all(session, lan.id)
    else:
        lan.active = False
    session.flush()
    assert staff_sessions.alive(session, [first, other, "made-up"]) == {other: hai}


def test_ending_the_others_leaves_this_one(session: Session) -> None:
    lan = factories.agent(session)
    here, there = staff_sessions.start(session, lan), staff_sessions.start(session, lan)
    staff_sessions.end_others(session, lan.id, here)
    assert staff_sessions.alive(session, [here, there]) == {here: lan}
