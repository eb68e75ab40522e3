"""The oracle must see what it is there to see: each kind of loss and doubling is brought about by hand."""

from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session

from crm import clock
from crm.db import Database
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import ChannelAccount, Customer, Purpose
from tests.faults import oracle
from tests.faults.case import Tally
from tests.faults.oracle import Audit, Mark
from tests.faults.telegram import Telegram

CHAT = 700_001


class Accepted:
    """Telegram's list of accepted messages, as a case would have it."""

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def accepted(self, since: int) -> list[dict[str, Any]]:
        return [{"chat_id": CHAT, "message_id": n, "text": text} for n, text in enumerate(self._texts, start=1)]


def audit(database: Database, accepted: Accepted) -> tuple[Audit, Tally]:
    found = oracle.audit(database, cast(Telegram, accepted), Mark())
    tally = Tally()
    found.into(tally)
    return found, tally


def row(session: Session, state: OutboxState, kind: OutboxKind = OutboxKind.REPLY, **fields: Any) -> None:
    moment = clock.now()
    account = session.query(ChannelAccount).first() or ChannelAccount(
        customer=Customer(name="Lan", name_folded="lan", created_at=moment),
        channel="telegram",
        bot_id=1,
        chat_id=CHAT,
        created_at=moment,
    )
    values = {"body": {"text": "chào"}, "not_before": moment, "created_at": moment, "priority": 0, **fields}
    session.add(Outbox(bot_id=1, account=account, kind=kind, purpose=Purpose.SERVICE, state=state, **values))
    session.flush()


def test_sent_once_and_accepted_once_is_sound(database: Database) -> None:
    with database.begin() as session:
        row(session, OutboxState.SENT, telegram_message_id=1)
        row(session, OutboxState.QUEUED, not_before=clock.now() + timedelta(hours=1), body={"text": "mai"})
        row(session, OutboxState.SKIPPED, reason="no_consent", body={"text": "thôi"})
    found, tally = audit(database, Accepted("chào"))
    assert not tally.failed
    assert found.accepted == 1


@pytest.mark.parametrize(
    ("state", "fields", "accepted"),
    [
        (OutboxState.QUEUED, {}, ()),
        (OutboxState.SENDING, {}, ()),
        (OutboxState.FAILED, {}, ()),
        (OutboxState.SENT, {"telegram_message_id": 9}, ()),
    ],
)
def test_what_is_due_without_a_final_state_and_reason_is_lost(
    database: Database, state: OutboxState, fields: dict[str, Any], accepted: tuple[str, ...]
) -> None:
    with database.begin() as session:
        row(session, state, **fields)
    assert audit(database, Accepted(*accepted))[1].lost == 1


def test_a_second_acceptance_is_doubled_and_fails_without_a_re_send_on_record(database: Database) -> None:
    with database.begin() as session:
        row(session, OutboxState.SENT, telegram_message_id=2)
    found, tally = audit(database, Accepted("chào", "chào"))
    assert (tally.doubled, len(found.beyond)) == (1, 1)
    with database.begin() as session:
        session.query(Outbox).update({"resends": 1})
    found, tally = audit(database, Accepted("chào", "chào"))
    assert (tally.doubled, tally.failed) == (1, [])


def test_a_doubled_advertisement_fails_whatever_is_on_record(database: Database) -> None:
    with database.begin() as session:
        row(session, OutboxState.SENT, OutboxKind.MARKETING, telegram_message_id=2, resends=1)
    tally = audit(database, Accepted("chào", "chào"))[1]
    assert tally.doubled_marketing == 1
    assert tally.failed


def test_what_arrived_and_is_called_queued_or_is_nowhere_is_unreported(database: Database) -> None:
    with database.begin() as session:
        row(session, OutboxState.FAILED, reason="no")
    tally = audit(database, Accepted("chào", "lạ"))[1]
    assert tally.unreported == 2


def test_an_unknown_one_that_arrived_is_on_record(database: Database) -> None:
    with database.begin() as session:
        row(session, OutboxState.UNKNOWN, OutboxKind.MARKETING)
    tally = audit(database, Accepted("chào"))[1]
    assert (tally.unknown, tally.failed) == (1, [])
