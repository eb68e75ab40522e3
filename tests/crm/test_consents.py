import json
import multiprocessing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, consent_journal, consents, merges
from crm.consent_journal import Withdrawal
from crm.models.people import Consent, Customer, Purpose
from crm.settings import settings
from tests.crm import factories

MARKETING = Purpose.MARKETING


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings(), "consent_journal", tmp_path / "deep" / "consents.journal")
    return settings().journal


def _agreed(session: Session) -> Customer:
    customer = factories.conversation(session).customer
    consents.record(session, customer.id, MARKETING, granted=True, channel="test")
    return customer


def _forget_withdrawals(session: Session) -> None:
    """What restoring an older backup does to the ledger."""
    for row in session.scalars(select(Consent).where(Consent.granted.is_(False))):
        session.delete(row)
    session.flush()


def test_a_withdrawal_is_in_the_journal_at_once_without_what_was_typed(session: Session, journal: Path) -> None:
    customer = _agreed(session)
    assert not journal.exists()
    row = consents.record(session, customer.id, MARKETING, granted=False, channel="telegram", evidence="Dừng, tôi chán")
    facts = json.loads(journal.read_text(encoding="utf-8"))
    assert facts["customer"] == customer.id
    assert facts["at"] == row.at.isoformat()
    assert "chán" not in journal.read_text(encoding="utf-8")
    assert journal.stat().st_mode & 0o077 == 0


def test_what_was_withdrawn_after_the_backup_holds_again_and_only_once(session: Session, journal: Path) -> None:
    customer = _agreed(session)
    said = consents.record(session, customer.id, MARKETING, granted=False, channel="telegram", evidence="STOP")
    at = said.at
    _forget_withdrawals(session)
    assert consents.granted(session, customer.id, MARKETING)
    first, second = (consents.reapply(session, [journal]) for _ in range(2))
    assert (first.applied, first.known) == (1, 0)
    assert (second.applied, second.known) == (0, 1)
    assert not consents.granted(session, customer.id, MARKETING)
    newest = consents.latest(session, customer.id, MARKETING)
    assert newest is not None
    assert newest.at == at


def test_a_yes_said_after_the_stop_is_not_undone(session: Session, journal: Path) -> None:
    customer = _agreed(session)
    hour_ago = clock.now() - timedelta(hours=1)
    never_committed = Withdrawal(customer.id, customer.created_at, MARKETING, "telegram", "2026-11", hour_ago)
    consent_journal.append(journal, [never_committed])
    assert consents.reapply(session, [journal]).applied == 0
    assert consents.granted(session, customer.id, MARKETING)


def test_clocks_that_differ_a_little_leave_the_stop_standing(session: Session, journal: Path) -> None:
    customer = _agreed(session)
    behind = clock.now() - timedelta(minutes=3)
    line = Withdrawal(customer.id, customer.created_at, MARKETING, "telegram", "2026-11", behind)
    consent_journal.append(journal, [line])
    assert consents.reapply(session, [journal]).applied == 1
    assert not consents.granted(session, customer.id, MARKETING)


def test_a_number_that_now_belongs_to_somebody_else_is_left_alone(session: Session, journal: Path) -> None:
    customer = _agreed(session)
    for number, since in ((customer.id, customer.created_at - timedelta(days=1)), (999_999, clock.now())):
        consent_journal.append(journal, [Withdrawal(number, since, MARKETING, "telegram", "2026-11", clock.now())])
    assert consents.reapply(session, [journal]).strangers == 2
    assert consents.granted(session, customer.id, MARKETING)


def test_a_torn_line_spoils_no_other(session: Session, journal: Path) -> None:
    customer = _agreed(session)
    consents.record(session, customer.id, MARKETING, granted=False, channel="telegram")
    with journal.open("ab") as file:
        file.write(b'{"at": "2026-11-2')
    consents.record(session, customer.id, Purpose.GREETINGS, granted=False, channel="telegram")
    found, unreadable = consent_journal.read(journal)
    assert [each.purpose for each in found] == [MARKETING, Purpose.GREETINGS]
    assert unreadable == 1


def test_a_journal_that_cannot_be_written_stops_no_stop_and_is_made_up_for(session: Session, journal: Path) -> None:
    customer = _agreed(session)
    journal.parent.write_text("a file where the folder should be")
    consents.record(session, customer.id, MARKETING, granted=False, channel="telegram")
    assert not consents.granted(session, customer.id, MARKETING)
    journal.parent.unlink()
    assert consents.complete_journal(session) == 1
    assert consents.complete_journal(session) == 0
    _forget_withdrawals(session)
    assert consents.reapply(session, [journal]).applied == 1


def test_a_stop_is_made_up_for_in_the_name_of_every_record_the_customer_once_was(
    session: Session, journal: Path
) -> None:
    people = [_agreed(session), *(factories.conversation(session, number).customer for number in (2, 3))]
    for kept, gone in ((1, 0), (2, 1)):
        versions = (people[kept].version, people[gone].version)
        staff = factories.agent(session, f"gop{gone}")
        merges.merge(session, people[kept].id, people[gone].id, staff, versions=versions, take=set())
    consents.record(session, people[2].id, MARKETING, granted=False, channel="telegram")
    whole, _ = consent_journal.read(journal)
    assert {(each.customer_id, each.since) for each in whole} == {(each.id, each.created_at) for each in people}
    journal.unlink()
    assert consents.complete_journal(session) == 3
    assert consents.complete_journal(session) == 0
    assert {each.customer_id for each in consent_journal.read(journal)[0]} == {each.id for each in people}
    assert consents.reapply(session, [journal]).applied == 0


def _append_many(path: Path, number: int) -> None:
    moment = clock.now()
    for step in range(50):
        at = moment + timedelta(seconds=step)
        consent_journal.append(path, [Withdrawal(number, moment, MARKETING, "telegram", "2026-11", at)])


def test_processes_that_write_at_once_lose_nothing(journal: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(journal, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found, unreadable = consent_journal.read(journal)
    assert (len(found), unreadable) == (150, 0)
