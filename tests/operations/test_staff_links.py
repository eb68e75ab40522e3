"""The links that the command line prints: the first log-in of a new shop, and a way back in for who is locked out."""

import pytest
from typer.testing import CliRunner

from crm import first_admin, second_factor, staff, staff_links
from crm.db import Database
from crm.errors import NotFound
from crm.first_admin import AdminExists
from crm.models.staff import LinkPurpose, Role
from crm.settings import settings
from operations.cli import app

PASSWORD = "một câu chỉ mình tôi biết"


@pytest.fixture
def base(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(settings(), "database_url", database.engine.url.render_as_string(hide_password=False))
    return database


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["staff", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout.strip()


def test_the_first_link_makes_the_owner_and_then_there_is_none_any_more(base: Database) -> None:
    address = _run("first", "--url", "https://care.example.vn/")
    assert address.startswith("https://care.example.vn/first?token=")
    with base.begin() as session:
        first_admin.create(session, address.partition("token=")[2], "chu", "Chủ", PASSWORD)
    with pytest.raises(AdminExists, match="trian staff reset chu"):
        _run("first")


def test_who_is_locked_out_gets_a_link_and_loses_the_phone_only_when_asked(base: Database) -> None:
    with base.begin() as session:
        person = staff.add(session, "quan", "Quân", Role.ADMIN, PASSWORD)
        person.totp_secret, person.totp_since = "A" * 32, person.created_at
    address = _run("reset", "quan")
    with base.begin() as session:
        assert second_factor.enrolled(staff.find(session, "quan"))
        assert staff_links.use(session, LinkPurpose.PASSWORD, address.partition("token=")[2]).staff_id == person.id
    assert "quan" in _run("list")
    _run("reset", "quan", "--second-step")
    with base.read() as session:
        assert not second_factor.enrolled(staff.find(session, "quan"))
    with pytest.raises(NotFound):
        _run("reset", "nobody")
