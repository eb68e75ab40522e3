"""Two people who are to be greeted today turn out to be one."""

from datetime import date

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, consents, greetings, merges
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import Purpose
from crm.models.staff import Staff
from crm.outbox import MERGED
from crm.settings import settings
from tests.crm import factories

TET = date(2027, 2, 6)
QUEUED, SENT, SKIPPED, FAILED = OutboxState.QUEUED, OutboxState.SENT, OutboxState.SKIPPED, OutboxState.FAILED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((QUEUED, QUEUED), (QUEUED, SKIPPED)),
        ((SENT, QUEUED), (SENT, SKIPPED)),
        ((QUEUED, SENT), (SKIPPED, SENT)),
        # Where the other one gets nothing, this one is not taken away.
        ((FAILED, QUEUED), (FAILED, QUEUED)),
        ((QUEUED, FAILED), (QUEUED, FAILED)),
    ],
)
def test_one_person_is_greeted_once(
    session: Session, before: tuple[OutboxState, OutboxState], after: tuple[OutboxState, OutboxState]
) -> None:
    with time_machine.travel(clock.at_local(TET, 7, settings().zone), tick=False):
        kept, gone = (factories.conversation(session, chat, f"Hạnh {chat}").customer for chat in (1, 2))
        for customer in (kept, gone):
            consents.record(session, customer.id, Purpose.GREETINGS, granted=True, channel="test")
        assert greetings.queue_due(session, clock.now()) == 2
        rows = list(session.scalars(select(Outbox).order_by(Outbox.id)))
        for row, state in zip(rows, before, strict=True):
            row.state = state
        session.flush()
        merged = merges.merge(
            session, kept.id, gone.id, factories.agent(session), versions=(kept.version, gone.version), take=set()
        )
        assert greetings.queue_due(session, clock.now()) == 0
    assert tuple(row.state for row in rows) == after
    assert [row.reason for row in rows if row.state is SKIPPED] == [MERGED] * after.count(SKIPPED)
    merges.undo(session, merged.id, factories.agent(session, "lui"))
    session.expire_all()
    assert tuple(row.state for row in rows) == after


def _greeted(session: Session, *chats: int) -> list[Outbox]:
    for chat in chats:
        customer = factories.conversation(session, chat, f"Hạnh {chat}").customer
        consents.record(session, customer.id, Purpose.GREETINGS, granted=True, channel="test")
    assert greetings.queue_due(session, clock.now()) == len(chats)
    return list(session.scalars(select(Outbox).order_by(Outbox.id)))


def _merge(session: Session, kept: Outbox, gone: Outbox, staff: Staff) -> None:
    people = [row.account.customer for row in (kept, gone)]
    merges.merge(
        session, people[0].id, people[1].id, staff, versions=(people[0].version, people[1].version), take=set()
    )
    session.expire_all()


def test_of_three_records_one_is_greeted(session: Session) -> None:
    with time_machine.travel(clock.at_local(TET, 7, settings().zone), tick=False):
        rows, staff = _greeted(session, 1, 2, 3), factories.agent(session)
        rows[1].state = SENT
        session.flush()
        kept = rows[0].account.customer
        _merge(session, rows[0], rows[1], staff)
        third = rows[2].account.customer
        merges.merge(session, kept.id, third.id, staff, versions=(kept.version, third.version), take=set())
        session.expire_all()
    assert [row.state for row in rows] == [SKIPPED, SENT, SKIPPED]


def test_the_greeting_that_stays_is_the_one_to_an_open_chat(session: Session) -> None:
    with time_machine.travel(clock.at_local(TET, 7, settings().zone), tick=False):
        rows, staff = _greeted(session, 1, 2), factories.agent(session)
        rows[0].account.reachable = False
        session.flush()
        _merge(session, rows[0], rows[1], staff)
    assert [row.state for row in rows] == [SKIPPED, QUEUED]
