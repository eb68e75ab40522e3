from collections.abc import Iterator
from datetime import date, datetime

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm import clock, consents, customers, greetings, greetings_missed, greetings_report, holidays, templates
from crm.greetings import Standing
from crm.models.care import Greeting, GreetingState
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import Address, CalendarKind, Customer, CustomerKind, Purpose
from crm.settings import settings
from tests.crm import factories

TET = date(2027, 2, 6)
PLAIN = date(2027, 2, 9)  # no holiday


@pytest.fixture(autouse=True)
def _in_2026() -> Iterator[None]:
    with time_machine.travel("2026-11-22T03:00:00Z", tick=False):
        yield


def _person(session: Session, chat_id: int, name: str = "Nguyễn Thị Hạnh", *, agreed: bool = True) -> Customer:
    customer = factories.conversation(session, chat_id, name).customer
    if agreed:
        consents.record(session, customer.id, Purpose.GREETINGS, granted=True, channel="test")
    session.flush()
    return customer


def _born(session: Session, customer: Customer, on: date) -> None:
    customers.set_birthday(session, customer, CalendarKind.SOLAR, on.day, on.month)
    session.flush()


def _at(hour: int, minute: int = 0, day: date = TET) -> datetime:
    return clock.at_local(day, hour, settings().zone, minute)


def test_everybody_who_agreed_is_greeted_at_tet_once(session: Session) -> None:
    _person(session, 1)
    _person(session, 2, agreed=False)
    assert greetings.due(session, _at(7))
    assert greetings.queue_due(session, _at(7)) == 1
    assert greetings.queue_due(session, _at(7, 1)) == 0
    assert not greetings.due(session, _at(9))
    row = session.scalars(select(Outbox)).one()
    assert (row.kind, row.purpose) == (OutboxKind.CARE, Purpose.GREETINGS)
    assert (row.not_before, row.expires_at) == (_at(8), _at(22))
    assert "Hạnh" in row.body["text"]


def test_the_same_greeting_cannot_be_written_twice(session: Session) -> None:
    _person(session, 1)
    greetings.queue_due(session, _at(7))
    first = session.scalars(select(Greeting)).one()
    twin = Greeting(
        customer_id=first.customer_id, occasion="tet", local_date=TET, state=GreetingState.QUEUED, at=first.at
    )
    session.add(twin)
    with pytest.raises(IntegrityError):
        session.flush()


def test_a_scheduler_that_wakes_at_eleven_greets_at_once(session: Session) -> None:
    _person(session, 1)
    greetings.queue_due(session, _at(11))
    assert session.scalars(select(Outbox)).one().not_before <= _at(11)


def test_at_half_past_ten_at_night_it_is_recorded_as_missed(session: Session) -> None:
    _person(session, 1)
    _person(session, 2, agreed=False)
    assert greetings.queue_due(session, _at(22, 30)) == 1
    assert greetings.queue_due(session, _at(22, 31)) == 0
    greeting = session.scalars(select(Greeting)).one()
    assert (greeting.state, greeting.outbox_id, greeting.local_date) == (GreetingState.MISSED, None, TET)
    assert session.scalar(select(Outbox)) is None


def test_the_local_day_counts_not_the_hosts(session: Session) -> None:
    customer = _person(session, 1)
    _born(session, customer, PLAIN)
    evening_before_in_utc = _at(0, 30, PLAIN)
    assert evening_before_in_utc.date() < PLAIN
    assert not greetings.due(session, _at(23, 59, date(2027, 2, 8)))
    assert greetings.queue_due(session, evening_before_in_utc) == 1
    assert not greetings.due(session, _at(0, 0, date(2027, 2, 10)))


def test_a_birthday_on_a_holiday_is_one_message_and_it_is_the_birthday(session: Session) -> None:
    _born(session, _person(session, 1), TET)
    planned = list(greetings.plan(session, TET))
    assert [(each.occasion, each.standing) for each in planned] == [("birthday", Standing.SEND)]
    assert greetings.queue_due(session, _at(8)) == 1
    assert greetings.queue_due(session, _at(8)) == 0
    assert [each.standing for each in greetings.plan(session, TET)] == [Standing.ALREADY]


def test_a_day_without_a_holiday_concerns_only_those_born_on_it(session: Session) -> None:
    assert holidays.kept_on(PLAIN) == []
    _person(session, 1)
    born = _person(session, 2)
    _born(session, born, PLAIN)
    assert [each.customer_id for each in greetings.plan(session, PLAIN)] == [born.id]


def test_why_somebody_is_not_greeted(session: Session) -> None:
    refused, blocked, stranger = _person(session, 1, agreed=False), _person(session, 2), _person(session, 3)
    blocked.accounts[0].reachable = False
    stranger.accounts[0].bot_id += 1
    session.flush()
    expected = {
        refused.id: Standing.NO_CONSENT,
        blocked.id: Standing.UNREACHABLE,
        stranger.id: Standing.NO_ACCOUNT,
    }
    assert {each.customer_id: each.standing for each in greetings.plan(session, TET)} == expected
    assert greetings.queue_due(session, _at(9)) == 0


def test_consent_given_at_noon_is_in_time_and_withdrawn_takes_it_back(session: Session) -> None:
    customer = _person(session, 1, agreed=False)
    assert greetings.queue_due(session, _at(8)) == 0
    consents.record(session, customer.id, Purpose.GREETINGS, granted=True, channel="test")
    session.flush()
    assert greetings.queue_due(session, _at(12)) == 1
    consents.record(session, customer.id, Purpose.GREETINGS, granted=False, channel="test")
    assert session.scalars(select(Outbox)).one().state is OutboxState.SKIPPED


def test_womens_and_teachers_days_greet_those_they_are_for(session: Session) -> None:
    woman, man, elder, shop = (_person(session, number) for number in range(1, 5))
    woman.occupation, man.address, man.occupation = "Giáo viên tiểu học", Address.ANH, "lái xe"
    elder.address, shop.kind = Address.BAC, CustomerKind.COMPANY
    session.flush()

    def concerned(day: date) -> set[int]:
        return {each.customer_id for each in greetings.plan(session, day)}

    assert concerned(date(2027, 3, 8)) == concerned(date(2027, 10, 20)) == {woman.id}
    assert concerned(date(2027, 11, 20)) == {woman.id}
    assert concerned(date(2027, 10, 13)) == {shop.id}


def test_it_deals_with_many_in_steps_and_the_plan_reads_in_batches(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [_person(session, number).id for number in range(1, 8)]
    monkeypatch.setattr(greetings, "PLAN_BATCH", 2)
    assert [each.customer_id for each in greetings.plan(session, TET)] == people
    steps = []
    assert greetings.due(session, _at(8)) == people
    assert greetings.queue_due(session, _at(8), among=[]) == 0
    while done := greetings.queue_due(session, _at(8), limit=3):
        steps.append(done)
    assert steps == [3, 3, 1]


def test_every_text_of_every_day_reads_well_for_everybody() -> None:
    keys = {"birthday", "birthday_company"} | {each.template for each in holidays.enabled()}
    variants = greetings._variants(settings().data_dir / "templates" / "greetings.yml")
    assert keys <= set(variants)
    for texts in variants.values():
        for template in texts:
            for address in Address:
                for name in ("Nguyễn Thị Hạnh", "", "🌸", "<b>&_*[ {name}"):
                    text = templates.fill(template, Customer(name=name, address=address))
                    assert "  " not in text, text
                    assert " !" not in text, text
                    assert " ," not in text, text
                    assert text[0].isupper(), text
                    assert "{" not in text.replace("{name}", ""), text


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Chúc {address} {name}!", "Chúc chị!"),
        ("{Address} {name} ơi", "Chị ơi"),
        ("Chúc {name} vui", "Chúc chị vui"),
        ("{self} chào {address} {name}.", "em chào chị."),
    ],
)
def test_a_missing_name_leaves_no_hole(template: str, expected: str) -> None:
    assert templates.fill(template, Customer(name="", address=Address.CHI)) == expected


def test_the_report_names_who_is_greeted_with_what_and_who_not_and_why(session: Session) -> None:
    _person(session, 1, "Lê Văn Tám")
    _person(session, 2, "Trần Bảy", agreed=False)
    lines = list(greetings_report.lines(session, TET))
    assert "lunar 1/1/2027" in lines[0]
    assert "tet" in lines[0]
    assert any("Lê Văn Tám" in line and line.endswith("send") for line in lines)
    assert any("Trần Bảy" in line and "did not agree" in line for line in lines)
    assert any("chị Tám" in line.lower() or "chị tám" in line.lower() for line in lines)
    assert "2 concerned, 1 to be greeted" in lines
    assert session.scalar(select(Greeting)) is None


def _close(session: Session, moment: datetime) -> list[int]:
    """What the scheduler does about days that are over; the customers recorded."""
    found: list[int] = []
    for day in greetings_missed.days(session, moment):
        people = greetings_missed.due(session, moment, day)
        assert greetings_missed.record(session, moment, day, people) == len(people)
        greetings_missed.close(session, moment, day)
        found += people
    return found


def test_who_was_to_be_greeted_while_nobody_was_there_is_recorded_as_missed_once(session: Session) -> None:
    known, refused = _person(session, 1), _person(session, 2, agreed=False)
    assert _close(session, _at(9, day=date(2027, 2, 5))) == []  # the first time: nothing is known of days before
    with time_machine.travel(_at(8, day=date(2027, 2, 7)), tick=False):
        _person(session, 3)  # came when Tết was over
    assert _close(session, _at(0, 30, date(2027, 2, 7))) == [known.id]
    assert _close(session, _at(9, day=date(2027, 2, 7))) == []
    (line,) = session.scalars(select(Greeting))
    assert (line.state, line.local_date, line.outbox_id) == (GreetingState.MISSED, TET, None)
    assert session.scalar(select(Outbox)) is None
    assert refused.id != known.id


def test_a_long_absence_is_recorded_for_its_last_days_and_an_evening_closes_its_day(session: Session) -> None:
    _person(session, 1)
    _close(session, _at(9, day=date(2027, 1, 1)))
    assert greetings_missed.days(session, _at(9, day=date(2027, 2, 8))) == [date(2027, 2, day) for day in (5, 6, 7)]
    _close(session, _at(9, day=date(2027, 2, 8)))
    assert greetings_missed.days(session, _at(21, 59, date(2027, 2, 8))) == []
    assert greetings_missed.days(session, _at(22, 0, date(2027, 2, 8))) == [date(2027, 2, 8)]
    _close(session, _at(22, 0, date(2027, 2, 8)))
    assert greetings_missed.days(session, _at(9, day=date(2027, 2, 9))) == []
