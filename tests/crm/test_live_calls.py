"""A conversation has one call and one holder, whoever begins at once; and the link of migrations that sees to it."""

from datetime import timedelta
from functools import partial
from importlib import import_module

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from crm import clock, escalations, schema
from crm.db import Database
from crm.errors import AlreadyHeld
from crm.models.conversations import Conversation, Escalation, EscalationReason, EscalationState, Mode
from crm.models.service import ServiceClock
from crm.models.staff import Staff
from tests.crm import factories, service_steps
from tests.crm.test_inbox_holds import at_once

LINK = "crm.migrations.versions.b10000000016_live_calls"


def test_of_two_who_step_in_uncalled_at_once_one_holds_the_conversation(database: Database) -> None:
    with database.begin() as session:
        talks = [factories.conversation(session, number).id for number in range(5)]
        people = [factories.agent(session, name).id for name in ("lan", "hoa")]

    def take(conversation_id: int, staff_id: int) -> None:
        with database.begin() as session:
            talk = session.get_one(Conversation, conversation_id)
            escalations.take_over(session, talk, session.get_one(Staff, staff_id))

    for talk in talks:
        raised = at_once([partial(take, talk, who) for who in people])
        assert [type(error) for error in raised] == [AlreadyHeld]
    with database.read() as session:
        alive = session.scalars(select(Escalation).where(Escalation.state != EscalationState.CLOSED))
        assert sorted(call.conversation_id for call in alive) == talks


def test_a_call_and_a_hand_back_at_once_never_leave_a_silent_conversation_to_nobody(database: Database) -> None:
    with database.begin() as session:
        lan = factories.agent(session, "lan").id
        talks = [factories.conversation(session, number).id for number in range(5)]

    def ask(conversation_id: int) -> None:
        with database.begin() as session:
            escalations.open_for(session, session.get_one(Conversation, conversation_id), EscalationReason.ASKED)

    def back(call_id: int) -> None:
        with database.begin() as session:
            escalations.hand_back(session, call_id, session.get_one(Staff, lan))

    for talk in talks:
        with database.begin() as session:
            held = escalations.take_over(session, session.get_one(Conversation, talk), session.get_one(Staff, lan)).id
        assert at_once([partial(ask, talk), partial(ask, talk), partial(back, held)]) == []
        with database.read() as session:
            alive = escalations.current(session, talk)
            assert (session.get_one(Conversation, talk).mode is Mode.PEOPLE) == (alive is not None)


def _step(connection: Connection, name: str) -> None:
    with Operations.context(MigrationContext.configure(connection)):
        getattr(import_module(LINK), name)()


def test_older_calls_of_one_conversation_are_closed_and_no_second_is_let_in(database: Database) -> None:
    with database.begin() as session:
        other, call = service_steps.call(session, 2002).id, service_steps.call(session)
        complaint, token = service_steps.case(session), factories.agent(session, "api")
        complaint.owner_id, token.active = token.id, False
        first, talk, case_id = call.id, call.conversation_id, complaint.id
    row = {
        "conversation_id": talk,
        "reason": EscalationReason.ASKED,
        "state": EscalationState.OPEN,
        "note": "",
        "opened_at": clock.now() + timedelta(seconds=1),
    }
    with database.engine.begin() as connection:
        _step(connection, "downgrade")
        [second] = connection.execute(insert(Escalation).values(row).returning(Escalation.id)).scalars()
    with database.engine.begin() as connection:
        _step(connection, "upgrade")
    schema.check(database.engine)
    with database.read() as session:
        states = {each.id: each.state for each in session.scalars(select(Escalation))}
        assert states == {first: EscalationState.CLOSED, second: EscalationState.OPEN, other: EscalationState.OPEN}
        assert session.get_one(Escalation, first).closed_at is not None
        clocks = session.scalars(select(ServiceClock).where(ServiceClock.escalation_id.is_not(None)))
        assert {each.escalation_id: each.stopped_at is None for each in clocks} == {first: False, other: True}
        assert session.get_one(type(complaint), case_id).owner_id is None
    with pytest.raises(IntegrityError), database.engine.begin() as connection:
        connection.execute(insert(Escalation).values(row))
    with database.engine.begin() as connection:
        connection.execute(delete(Escalation).where(Escalation.id == second))
        connection.execute(insert(Escalation).values(row))
