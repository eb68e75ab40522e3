import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import staff_sessions
from crm.models.staff import StaffSession
from tests.crm import factories


def test_a_session_lasts_twelve_hours_and_the_token_is_not_stored(session: Session) -> None:
    lan = factories.agent(session)
    with time_machine.travel("2026-11-22T01:00:00Z", tick=False) as traveller:
        token = staff_sessions.start(session, lan)
        assert staff_sessions.staff_of(session, token) is lan
        assert token not in session.scalars(select(StaffSession.token_hash)).all()
        traveller.shift(12 * 3600 + 1)
        assert staff_sessions.staff_of(session, token) is None
        staff_sessions.start(session, lan)
        assert len(session.scalars(select(StaffSession)).all()) == 1, "the one that ran out is swept away"


@pytest.mark.parametrize("how", ["end", "end_all", "disabled"])
def test_an_ended_session_is_worth_nothing_and_others_go_on(session: Session, how: str) -> None:
    lan, hai = factories.agent(session), factories.agent(session, "hai")
    first, other = staff_sessions.start(session, lan), staff_sessions.start(session, hai)
    if how == "end":
        staff_sessions.end(session, first)
    elif how == "end_all":
        staff_sessions.end_all(session, lan.id)
    else:
        lan.active = False
    session.flush()
    assert staff_sessions.alive(session, [first, other, "made-up"]) == {other: hai}
