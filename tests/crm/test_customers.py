from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import customer_edits, customers
from crm.customer_edits import EditedMeanwhile, NothingToUndo
from crm.db import Database
from crm.errors import InvalidInput
from crm.models.people import AuditEntry, Customer, Tier
from tests.crm import factories


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("0912 345 678", "0912345678"),
        ("+84 912.345.678", "0912345678"),
        ("84912345678", "0912345678"),
        ("028 3822 1234", "02838221234"),
        ("+1 650 253 0000", "+16502530000"),
    ],
)
def test_a_phone_is_stored_in_one_spelling(typed: str, stored: str) -> None:
    assert customers.national_phone(typed) == stored


@pytest.mark.parametrize("typed", ["", "0123", "09123456789", "không có", "0000000000"])
def test_what_is_no_phone_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput, match="phone"):
        customers.national_phone(typed)


@pytest.mark.parametrize("typed", ["a@", "@b.vn", "a b@c.vn", "a@b", "a@@b.vn"])
def test_what_is_no_email_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput, match="email"):
        customers.set_email(Customer(created_at=datetime.now(UTC)), typed)


def test_a_change_is_written_down_and_undone(session: Session) -> None:
    customer, lan = factories.conversation(session).customer, factories.agent(session)
    birthday = {"calendar": "lunar", "day": 15, "month": 8, "year": 1990}
    wanted = {
        "phone": "0912 345 678",
        "email": " Hanh@Vidu.VN ",
        "tier": "gold",
        "birthday": birthday,
        "name": customer.name,
    }
    edit = customer_edits.change(session, customer.id, wanted, customer.version, lan)
    assert edit is not None
    assert edit.changes == {
        "phone": [None, "0912345678"],
        "email": [None, "hanh@vidu.vn"],
        "tier": ["none", "gold"],
        "birthday": [None, {**birthday, "leap": False}],
    }
    assert customer_edits.history(session, customer.id) == [(edit, "Lan")]
    customer_edits.undo(session, customer.id, customer.version, lan)
    assert (customer.phone, customer.email, customer.tier) == (None, None, Tier.NONE)
    assert customers.birthday_of(session, customer.id) is None
    with pytest.raises(NothingToUndo):
        customer_edits.undo(session, customer.id, customer.version, lan)
    lines = list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    assert [line.action for line in lines] == ["customer_edit", "customer_undo"]
    assert "0912345678" not in str([line.detail for line in lines])


def test_nothing_changed_leaves_no_line(session: Session) -> None:
    customer, lan = factories.conversation(session).customer, factories.agent(session)
    assert customer_edits.change(session, customer.id, {"name": customer.name, "email": ""}, 1, lan) is None
    assert session.scalars(select(AuditEntry)).all() == []


def test_of_two_who_edit_at_once_the_second_is_told(database: Database) -> None:
    with database.begin() as session:
        customer, lan = factories.conversation(session).customer, factories.agent(session)
    with database.begin() as session:
        customer_edits.change(session, customer.id, {"phone": "0912345678"}, customer.version, lan)
    with pytest.raises(EditedMeanwhile), database.begin() as session:
        customer_edits.change(session, customer.id, {"phone": "0987654321"}, customer.version, lan)
    with database.read() as session:
        assert session.get_one(Customer, customer.id).phone == "0912345678"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "12"),
        ("email", "x"),
        ("tier", "diamond"),
        ("name", "a" * 101),
        ("habits", "a" * 2001),
        ("birthday", {"calendar": "solar", "day": 31, "month": 4, "year": None}),
        ("external_id", "x"),
    ],
)
def test_a_wrong_value_changes_nothing(database: Database, field: str, value: object) -> None:
    with database.begin() as session:
        customer, lan = factories.conversation(session).customer, factories.agent(session)
    with pytest.raises(InvalidInput, match=field), database.begin() as session:
        customer_edits.change(session, customer.id, {"occupation": "thợ may", field: value}, customer.version, lan)
    with database.read() as session:
        same = session.get_one(Customer, customer.id)
        assert (same.occupation, same.version) == (None, customer.version)
