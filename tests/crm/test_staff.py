from datetime import timedelta

import pytest
import time_machine
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from crm import staff
from crm.errors import InvalidInput, NotFound
from crm.models.staff import Role

PASSWORD = "đúng mật khẩu 1"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff, "_hasher", PasswordHasher(time_cost=1, memory_cost=64))
    staff._nobodys_hash.cache_clear()


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
    with time_machine.travel("2026-11-22T03:00:00Z", tick=False) as traveller:
        lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
        waits = []
        for _ in range(14):
            assert staff.verify(session, "lan", "sai") is None
            wait = (lan.next_login_at - staff.clock.now()).total_seconds() if lan.next_login_at else 0
            waits.append(wait)
            assert wait == 0 or staff.verify(session, "lan", PASSWORD) is None  # even the right one must wait
            traveller.shift(wait)
        assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
        assert lan.failed_logins == 14
        assert staff.verify(session, "lan", PASSWORD) is lan
        assert (lan.failed_logins, lan.next_login_at) == (0, None)


def test_a_thousand_wrong_passwords_are_not_a_thousand_tries(session: Session) -> None:
    with time_machine.travel("2026-11-22T03:00:00Z", tick=False) as traveller:
        lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
        for _ in range(200):
            staff.verify(session, "lan", "sai")
            traveller.shift(timedelta(seconds=1))
        assert lan.failed_logins <= 11


def test_a_hash_of_yesterdays_strength_is_renewed_at_log_in(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
    before = lan.password_hash
    monkeypatch.setattr(staff, "_hasher", PasswordHasher(time_cost=2, memory_cost=64))
    assert staff.verify(session, "lan", PASSWORD) is lan
    assert lan.password_hash != before
    assert ",t=2," in lan.password_hash


def test_what_cannot_be_a_log_in_is_refused(session: Session) -> None:
    staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
    for username, name, password in (
        ("lan", "L", PASSWORD),
        ("l n", "L", PASSWORD),
        ("mai", " ", PASSWORD),
        ("mai", "M", "ngắn"),
    ):
        with pytest.raises(InvalidInput):
            staff.add(session, username, name, Role.AGENT, password)
    with pytest.raises(NotFound):
        staff.find(session, "mai")


def test_a_new_password_ends_the_wait(session: Session) -> None:
    lan = staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
    for _ in range(5):
        staff.verify(session, "lan", "sai")
    staff.set_password(session, staff.find(session, "lan"), "một cái khác")
    assert staff.verify(session, "lan", PASSWORD) is None
    lan.failed_logins, lan.next_login_at = 0, None
    assert staff.verify(session, "lan", "một cái khác") is lan
