"""Passwords: kept as argon2id, not easy to guess; wrong ones make whoever tries them wait, and nobody else."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import clock, passwords, staff, staff_sessions
from crm.errors import InvalidInput, NotFound
from crm.login_waits import OF_PLACE, Origin
from crm.models.people import AuditEntry
from crm.models.staff import LoginWait, Role
from crm.passwords import Weakness, WeakPassword

PASSWORD = "đúng mật khẩu 1"
OFFICE, STRANGER = Origin("203.0.113.7"), Origin("198.51.100.9")
START = "2026-11-22T03:00:00Z"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=64))
    passwords.nobodys_hash.cache_clear()
    yield
    passwords.nobodys_hash.cache_clear()


def test_the_right_password_logs_in_and_is_stored_as_argon2id(session: Session) -> None:
    lan = staff.add(session, " Lan ", "Nguyễn Thị Lan", Role.AGENT, PASSWORD)
    assert lan.username == "lan"
    assert lan.password_hash.startswith("$argon2id$")
    assert staff.verify(session, "LAN", PASSWORD) is lan
    assert staff.verify(session, "lan", PASSWORD + "x") is None
    assert staff.verify(session, "nobody", PASSWORD) is None
    lan.active = False
    assert staff.verify(session, "lan", PASSWORD) is None


def test_wrong_passwords_make_the_wait_grow_and_waiting_tries_do_not(session: Session) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
        waits = []
        for _ in range(14):
            assert staff.verify(session, "lan", "sai", OFFICE) is None
            wait = _longest_wait(session)
            waits.append(wait)
            assert wait == 0 or staff.verify(session, "lan", PASSWORD, OFFICE) is None  # even the right one must wait
            traveller.shift(wait)
        assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
        assert staff.verify(session, "lan", PASSWORD, OFFICE) is lan
        assert staff.verify(session, "lan", "sai", OFFICE) is None
        assert staff.verify(session, "lan", PASSWORD, OFFICE) is lan, "after a right one it begins anew"


def test_a_thousand_wrong_passwords_are_few_tries_and_keep_nobody_else_out(session: Session) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
        for _ in range(1000):
            assert staff.verify(session, "lan", "sai", STRANGER) is None
            traveller.shift(timedelta(seconds=0.2))
        assert _failures(session) <= 11
        assert staff.verify(session, "lan", PASSWORD, STRANGER) is None
        assert staff.verify(session, "lan", PASSWORD, OFFICE) is lan, "who sits elsewhere does not wait"
        same_place = Origin(STRANGER.address, known="a browser that lan used before")
        assert staff.verify(session, "lan", PASSWORD, same_place) is lan, "nor does a browser that lan used before"


def test_a_known_browser_is_slowed_by_its_own_wrong_tries(session: Session) -> None:
    with time_machine.travel(START, tick=False):
        lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
        known = Origin(OFFICE.address, known="stolen laptop")
        for _ in range(3):
            assert staff.verify(session, "lan", "sai", known) is None
        assert staff.verify(session, "lan", PASSWORD, known) is None
        assert staff.verify(session, "lan", PASSWORD, OFFICE) is lan


def test_one_address_cannot_go_through_the_names_nor_fill_the_table(session: Session) -> None:
    with time_machine.travel(START, tick=False):
        staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
        for number in range(100):
            assert staff.verify(session, f"ten-{number}", PASSWORD, STRANGER) is None
        assert _failures(session) == OF_PLACE
        assert session.scalar(select(func.count()).select_from(LoginWait)) == OF_PLACE + 1
        assert staff.verify(session, "lan", PASSWORD, STRANGER) is None


def test_addresses_of_one_household_are_one_place(session: Session) -> None:
    with time_machine.travel(START, tick=False):
        lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
        for number in range(3):
            assert staff.verify(session, "lan", "sai", Origin(f"2001:db8:1:2::{number:x}")) is None
        assert staff.verify(session, "lan", PASSWORD, Origin("2001:db8:1:2:ffff::1")) is None
        assert staff.verify(session, "lan", PASSWORD, Origin("2001:db8:1:3::1")) is lan


def test_a_hash_of_yesterdays_strength_is_renewed_at_log_in(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
    before = lan.password_hash
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=2, memory_cost=64))
    assert staff.verify(session, "lan", PASSWORD) is lan
    assert lan.password_hash != before
    assert ",t=2," in lan.password_hash


def test_what_cannot_be_a_log_in_is_refused(session: Session) -> None:
    staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
    for username, name, password in (
        ("lan", "L", PASSWORD),
        ("l n", "L", PASSWORD),
        ("api.7", "L", PASSWORD),
        ("mai", " ", PASSWORD),
        ("mai", "M", "ngắn"),
    ):
        with pytest.raises(InvalidInput):
            staff.add(session, username, name, Role.AGENT, password)
    with pytest.raises(NotFound):
        staff.find(session, "mai")


@pytest.mark.parametrize(
    ("password", "weakness"),
    [
        ("ngắn quá", Weakness.LENGTH),
        ("x" * 201, Weakness.LENGTH),
        ("Mật khẩu 123", Weakness.COMMON),
        ("anh yêu em 2026", Weakness.COMMON),
        ("aaaaaaaaaaaa", Weakness.COMMON),
        ("1234567890", Weakness.COMMON),
        ("Thuỳ Trang 1990", Weakness.NAME),
        ("thuytrang.shop", Weakness.NAME),
        ("trang 123456", Weakness.NAME),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused_with_the_reason(password: str, weakness: Weakness) -> None:
    with pytest.raises(WeakPassword) as refused:
        passwords.hashed(password, "thuytrang", "Nguyễn Thùy Trang")
    assert refused.value.weakness is weakness


def test_a_new_password_ends_every_log_in_and_the_old_password(session: Session) -> None:
    lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
    token = staff_sessions.start(session, lan)
    assert not staff.change_own_password(session, lan, "không phải", "một cái khác hẳn")
    assert staff_sessions.staff_of(session, token) is lan
    assert staff.change_own_password(session, lan, PASSWORD, "một cái khác hẳn")
    assert staff_sessions.staff_of(session, token) is None
    assert staff.verify(session, "lan", PASSWORD) is None
    assert staff.verify(session, "lan", "một cái khác hẳn") is lan


def _longest_wait(session: Session) -> float:
    waits = [row.next_at - clock.now() for row in session.scalars(select(LoginWait)) if row.next_at]
    return max((wait.total_seconds() for wait in waits), default=0)


def _failures(session: Session) -> int:
    failed = select(func.count()).where(AuditEntry.action == "log_in_failed")
    return session.scalar(failed) or 0
