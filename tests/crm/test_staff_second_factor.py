"""The second step: a code from the phone, each good once; recovery codes; who needs it."""

import pyotp
import pytest
import time_machine
from pydantic import SecretStr
from sqlalchemy.orm import Session

from crm import clock, second_factor
from crm.errors import IllegalTransition, SettingsProblem
from crm.login_waits import Origin
from crm.models.staff import Role, Staff
from crm.settings import Settings
from tests.crm import factories

START = "2026-11-22T03:00:10Z"
HALF_MINUTE = 30


def _code(person: Staff, steps: int = 0) -> str:
    totp = pyotp.TOTP(person.totp_secret or "")
    return totp.generate_otp(totp.timecode(clock.now()) + steps)


def _enrolled(session: Session) -> tuple[Staff, list[str]]:
    quan = factories.agent(session, "quan", Role.ADMIN)
    second_factor.prepare(quan)
    return quan, second_factor.confirm(session, quan, _code(quan))


def test_a_first_right_code_sets_it_up(session: Session) -> None:
    with time_machine.travel(START, tick=False):
        quan = factories.agent(session, "quan", Role.ADMIN)
        assert second_factor.prepare(quan) == second_factor.prepare(quan), "the same until it is proven"
        assert second_factor.prepare(quan).startswith("otpauth://totp/Tri%20%C3%82n")
        assert second_factor.confirm(session, quan, "000000") == []
        assert not second_factor.enrolled(quan)
        codes = second_factor.confirm(session, quan, _code(quan))
        assert len(set(codes)) == 10
        assert second_factor.enrolled(quan)
        with pytest.raises(IllegalTransition):
            second_factor.prepare(quan)


def test_a_code_is_good_once_and_never_after_a_later_one(session: Session) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        quan, _ = _enrolled(session)
        used = _code(quan)
        assert not second_factor.check(session, quan, used), "the one that set it up"
        traveller.shift(HALF_MINUTE)
        early = _code(quan)
        assert second_factor.check(session, quan, _code(quan, 1)), "a phone that is half a minute fast"
        assert not second_factor.check(session, quan, early), "an earlier one after a later one"
        traveller.shift(2 * HALF_MINUTE)
        assert second_factor.check(session, quan, f" {_code(quan)[:3]} {_code(quan)[3:]} "), "as people type it"


def test_a_code_of_long_ago_is_nothing(session: Session) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        quan, _ = _enrolled(session)
        traveller.shift(20 * HALF_MINUTE)
        assert not second_factor.check(session, quan, _code(quan, -2))
        assert not second_factor.check(session, quan, _code(quan, 2))
        assert not second_factor.check(session, quan, "")


def test_a_recovery_code_is_good_once(session: Session) -> None:
    with time_machine.travel(START, tick=False):
        quan, codes = _enrolled(session)
        assert second_factor.check(session, quan, codes[3].upper())
        assert not second_factor.check(session, quan, codes[3])
        assert second_factor.codes_left(session, quan.id) == 9
        fresh = second_factor.renew_codes(session, quan, codes[4])
        assert second_factor.codes_left(session, quan.id) == 10
        assert not second_factor.check(session, quan, codes[5]), "the old ones are gone"
        assert second_factor.check(session, quan, fresh[0])


def test_codes_cannot_be_guessed_from_many_places(session: Session) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        quan, _ = _enrolled(session)
        traveller.shift(2 * HALF_MINUTE)
        for number in range(40):
            assert not second_factor.check(session, quan, "12345x", Origin(f"198.51.100.{number}"))
        assert not second_factor.check(session, quan, _code(quan), Origin("203.0.113.1"))
        assert second_factor.check(session, quan, _code(quan), Origin("203.0.113.1", known="quan's own browser"))


def test_forgotten_it_is_set_up_anew(session: Session) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        quan, codes = _enrolled(session)
        before = quan.totp_secret
        second_factor.forget(session, quan, None)
        traveller.shift(HALF_MINUTE)
        assert not second_factor.check(session, quan, codes[0])
        second_factor.prepare(quan)
        assert quan.totp_secret != before


@pytest.mark.parametrize(
    ("rule", "needed"),
    [("auto", {Role.LEAD, Role.ADMIN, Role.OWNER}), ("leads", {Role.LEAD, Role.ADMIN, Role.OWNER}), ("all", set(Role))],
)
def test_who_needs_it_with_real_customers(rule: str, needed: set[Role], monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings(telegram_token=SecretStr("123456:abc"), second_factor=rule)  # type: ignore[arg-type]
    monkeypatch.setattr(second_factor, "settings", lambda: chosen)
    people = [Staff(username=role.value, name="", role=role, password_hash="") for role in Role]
    assert {person.role for person in people if second_factor.required(person)} == needed


def test_it_is_switched_off_for_the_simulator_only() -> None:
    assert Settings(telegram_token=None).second_factor_rule == "off"
    with pytest.raises(SettingsProblem, match="TRIAN_SECOND_FACTOR"):
        _ = Settings(telegram_token=SecretStr("123456:abc"), second_factor="off").second_factor_rule
