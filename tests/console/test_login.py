"""The ways in: two steps, the first account, a link for a new password; and wrong tries that slow nobody else down."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pyotp
import pytest
from sqlalchemy import select

from crm import clock, first_admin, login_waits, second_factor, staff, staff_admin, staff_links
from crm.db import Database
from crm.login_waits import Origin
from crm.models.staff import LinkPurpose, LoginWait, Role
from tests.console.conftest import serve
from tests.console.steps import PASSWORD, Desk

NEW = "một câu chỉ mình tôi biết"
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def strict(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A console in which leads and above need a second step, with nobody in it yet."""
    home = tmp_path_factory.mktemp("strict")
    path = shutil.copy(sqlite_template, home / "console.db")
    yield from serve(str(path), home, Database(f"sqlite:///{path}"), TRIAN_SECOND_FACTOR="leads")


def test_from_nobody_to_an_owner_with_two_steps(strict: Desk) -> None:
    with strict.database.begin() as session:
        token = first_admin.invite(session)
    with httpx.Client(base_url=strict.url, headers=HTML) as client:
        assert client.get("/first", params={"token": token + "x"}).status_code == 410
        assert token in client.get("/first", params={"token": token}).text
        form = {"token": token, "name": "Chị Chủ", "username": "chu", "password": "ngắn", "again": "ngắn"}
        refused = client.post("/first", data=form)
        assert refused.status_code == 422
        assert "ít nhất 10 ký tự" in refused.text
        assert client.post("/first", data={**form, "password": NEW, "again": NEW + "!"}).status_code == 422
        assert client.post("/first", data={**form, "password": NEW, "again": NEW}).status_code == 200
        assert client.post("/first", data={**form, "password": NEW, "again": NEW}).status_code == 410, "once only"

        answer = client.post("/login", data={"username": "chu", "password": NEW})
        assert answer.headers["location"] == "/login/setup?next=%2F"
        assert client.get("/").status_code == 303, "not in yet"
        page = client.get("/login/setup")
        assert "data:image/svg+xml" in page.text
        assert client.post("/login/setup", data={"code": "000000"}).status_code == 401
        codes = client.post("/login/setup", data={"code": _code(strict, "chu")})
        assert codes.status_code == 200
        assert codes.text.count("<li><code>") == 10
        assert client.get("/").status_code == 200
        recovery = codes.text.split("<li><code>")[1].split("<")[0]

    with httpx.Client(base_url=strict.url, headers=HTML) as client:
        answer = client.post("/login", params={"next": "/staff"}, data={"username": "chu", "password": NEW})
        assert answer.headers["location"] == "/login/code?next=%2Fstaff"
        assert client.get("/login/setup").status_code == 303, "what is set up is not shown again"
        assert client.post("/login/code", data={"code": _code(strict, "chu")}).status_code == 401, "used already"
        assert client.get("/staff").status_code == 303
        answer = client.post("/login/code", params={"next": "/staff"}, data={"code": recovery})
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff")
        assert client.get("/staff").status_code == 200
        assert client.post("/login/code", data={"code": recovery}).headers["location"] == "/login", "the step is over"


def test_a_role_that_needs_none_logs_in_with_the_password(strict: Desk) -> None:
    with strict.database.begin() as session:
        staff.add(session, "lan", "Lan", Role.AGENT, PASSWORD)
        staff.add(session, "thao", "Thảo", Role.LEAD, PASSWORD)
    for username, target in (("lan", "/"), ("thao", "/login/setup?next=%2F")):
        answer = httpx.post(f"{strict.url}/login", data={"username": username, "password": PASSWORD})
        assert answer.headers["location"] == target


def test_without_the_password_there_is_no_second_step(strict: Desk) -> None:
    with httpx.Client(base_url=strict.url, headers=HTML) as client:
        for path in ("/login/code", "/login/setup"):
            assert client.get(path).headers["location"] == "/login"
            assert client.post(path, data={"code": "123456"}).headers["location"] == "/login"


def test_who_set_it_up_of_their_own_will_is_asked_too(desk: Desk) -> None:
    with desk.database.begin() as session:
        person = staff.add(session, "tuyet", "Tuyết", Role.AGENT, PASSWORD)
        second_factor.prepare(person)
        assert second_factor.confirm(session, person, pyotp.TOTP(person.totp_secret or "").at(clock.now()))
    answer = httpx.post(f"{desk.url}/login", data={"username": "tuyet", "password": PASSWORD})
    assert answer.headers["location"] == "/login/code?next=%2F"


def test_a_link_for_a_password_is_good_once_and_ends_the_log_ins(desk: Desk) -> None:
    with desk.database.begin() as session:
        quan = staff.find(session, "quan")
        person, token = staff_admin.invite(session, quan, "moi", "Người Mới", Role.AGENT)
    with httpx.Client(base_url=desk.url, headers=HTML) as client:
        assert client.post("/login", data={"username": "moi", "password": "!"}).status_code == 401
        assert "Người Mới" in client.get("/password", params={"token": token}).text
        weak = client.post("/password", data={"token": token, "password": "nguoi moi 2026", "again": "nguoi moi 2026"})
        assert weak.status_code == 422
        assert "tên của bạn" in weak.text
        assert client.post("/password", data={"token": token, "password": NEW, "again": NEW}).status_code == 200
        assert client.post("/password", data={"token": token, "password": NEW, "again": NEW}).status_code == 410
        assert client.post("/login", data={"username": "moi", "password": NEW}).status_code == 303
        with desk.database.begin() as session:
            again = staff_links.give(session, LinkPurpose.PASSWORD, person.id)
        httpx.post(f"{desk.url}/password", data={"token": again, "password": NEW + "!", "again": NEW + "!"})
        assert client.get("/account").status_code == 303, "whoever was in with the old one is out"


def test_wrong_tries_from_elsewhere_keep_nobody_out(desk: Desk) -> None:
    """The proxy on this machine names who calls: a stranger tries a name until they have to wait."""
    with desk.database.begin() as session:
        staff.add(session, "vang", "Vàng", Role.AGENT, PASSWORD)
    wrong, right = {"username": "vang", "password": "sai-mat-khau"}, {"username": "vang", "password": PASSWORD}
    with httpx.Client(base_url=desk.url) as home, httpx.Client(base_url=desk.url) as stranger:
        home.headers["x-forwarded-for"] = stranger.headers["x-forwarded-for"] = "198.51.100.77"
        assert home.post("/login", data=right).status_code == 303
        home.post("/logout")
        for _ in range(4):
            assert stranger.post("/login", data=wrong).status_code == 401
        _prolong(desk, "vang", Origin("198.51.100.77"))
        assert stranger.post("/login", data=right).status_code == 401, "even the right one has to wait there"
        assert home.post("/login", data=right).status_code == 303, "not in a browser that was in before"
        forged = {"trian-known": home.cookies["trian-known"][:-3] + "xyz"}
        refused = httpx.post(
            f"{desk.url}/login", data=right, cookies=forged, headers={"x-forwarded-for": "198.51.100.77"}
        )
        assert refused.status_code == 401, "a mark that we did not write is none"
        elsewhere = {"x-forwarded-for": "203.0.113.50"}
        assert httpx.post(f"{desk.url}/login", data=right, headers=elsewhere).status_code == 303


def test_the_language_is_kept_for_the_next_log_in(desk: Desk) -> None:
    with desk.database.begin() as session:
        staff.add(session, "mary", "Mary", Role.AGENT, PASSWORD)
    form = {"username": "mary", "password": PASSWORD}
    with httpx.Client(base_url=desk.url, headers=HTML) as client:
        client.post("/login", data=form)
        client.post("/language", data={"to": "en", "back": "/account"})
    with httpx.Client(base_url=desk.url, headers=HTML) as client:
        client.post("/login", data=form)
        assert "My account" in client.get("/account").text


def _prolong(desk: Desk, username: str, origin: Origin) -> None:
    """Makes the wait that has begun an hour long, so that no slow machine outlasts it."""
    keys = [counter.key for counter in login_waits.for_password(username, origin) if counter.forgives]
    with desk.database.begin() as session:
        row = session.scalars(select(LoginWait).where(LoginWait.key.in_(keys))).one()
        assert row.next_at is not None
        row.next_at = clock.now() + timedelta(hours=1)


def _code(desk: Desk, username: str) -> str:
    with desk.database.read() as session:
        secret = staff.find(session, username).totp_secret or ""
    return pyotp.TOTP(secret).at(clock.now())
