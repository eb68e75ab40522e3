"""A hold that nobody touches ends by its row, however often the scheduler is started anew."""

import threading
from datetime import timedelta

import time_machine

from crm import clock, escalations
from crm.db import Database
from crm.models.conversations import Escalation, EscalationReason, EscalationState
from crm.settings import settings
from scheduler.jobs import Jobs
from scheduler.leadership import Leadership
from tests.crm import factories


def _wake(database: Database) -> None:
    """A scheduler that has just been started, and knows nothing but what stands in the database."""
    leadership = Leadership(database)
    jobs = Jobs(database, leadership, threading.Event())
    jobs.lead()
    jobs.holds()
    leadership.give_up()


def test_the_row_decides_when_a_hold_is_over(database: Database) -> None:
    with database.begin() as session:
        talk = factories.conversation(session)
        call = escalations.open_for(session, talk, EscalationReason.ASKED)
        escalations.claim(session, call.id, factories.agent(session))
    _wake(database)
    with database.read() as session:
        assert session.get_one(Escalation, call.id).state is EscalationState.CLAIMED
    with time_machine.travel(clock.now() + timedelta(seconds=settings().hold_expires_s + 1), tick=True):
        _wake(database)
        _wake(database)
    with database.read() as session:
        assert session.get_one(Escalation, call.id).state is EscalationState.OPEN
