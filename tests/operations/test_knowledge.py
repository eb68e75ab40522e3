from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm.db import Database
from crm.errors import InvalidInput, PermissionDenied
from crm.models.staff import Role
from crm.settings import settings
from operations.cli import app
from tests.crm.factories import agent

pytestmark = pytest.mark.usefixtures("embedded")

ARTICLE = "---\ntitle: Giặt giày\ntopic: use\nkeywords: [giặt giày]\n---\n\nCho giày vào túi lưới.\n"


def test_an_article_is_published_listed_and_withdrawn(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "database_url", database.engine.url.render_as_string(False))
    with database.begin() as session:
        agent(session, "lan")
    file = tmp_path / "giat-giay.md"
    file.write_text(ARTICLE, encoding="utf-8")
    run = CliRunner()
    assert "version 1" in run.invoke(app, ["knowledge", "add", str(file), "--by", "lan"]).output
    assert "giat-giay\tv1" in run.invoke(app, ["knowledge", "list"]).output
    assert run.invoke(app, ["knowledge", "withdraw", "giat-giay", "--by", "lan"]).exit_code == 0
    assert run.invoke(app, ["knowledge", "list"]).output == ""
    assert "withdrawn" in run.invoke(app, ["knowledge", "versions", "giat-giay"]).output
    assert run.invoke(app, ["knowledge", "add", str(file), "--by", "nobody"]).exit_code != 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (ARTICLE.replace("[giặt giày]", "5").encode(), "`keywords` is a list"),
        (ARTICLE.replace("[giặt giày]", "giặt giày").encode(), "`keywords` is a list"),
        (ARTICLE.replace("Giặt giày\n", "[Giặt, giày]\n", 1).encode(), "`title` is one line"),
        (ARTICLE.replace("topic: use", "topic: 2026-13-45").encode(), "no YAML"),
        (ARTICLE.encode("utf-16"), "no text in UTF-8"),
        ("---\ntitle: Giặt giày\n---\n".encode("cp1258", "replace"), "no text in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, sentence: str
) -> None:
    monkeypatch.setattr(settings(), "database_url", database.engine.url.render_as_string(False))
    with database.begin() as session:
        agent(session, "lan")
    file = tmp_path / "giat-giay.md"
    file.write_bytes(content)
    result = CliRunner().invoke(app, ["knowledge", "add", str(file), "--by", "lan"])
    assert isinstance(result.exception, InvalidInput), result.exception
    assert sentence in str(result.exception)
    assert str(file) in str(result.exception)


def test_the_mark_that_some_editors_put_first_is_no_part_of_an_article(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "database_url", database.engine.url.render_as_string(False))
    with database.begin() as session:
        agent(session, "lan")
    file = tmp_path / "giat-giay.md"
    file.write_text(ARTICLE.replace("\n", "\r\n"), encoding="utf-8-sig", newline="")
    assert "version 1" in CliRunner().invoke(app, ["knowledge", "add", str(file), "--by", "lan"]).output


def test_marketing_publishes_and_withdraws_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "database_url", database.engine.url.render_as_string(False))
    with database.begin() as session:
        agent(session, "lan")
        agent(session, "minh", Role.MARKETING)
        agent(session, "quan", Role.ADMIN)
    file = tmp_path / "giat-giay.md"
    file.write_text(ARTICLE, encoding="utf-8")
    run = CliRunner()
    for command in (["add", str(file)], ["withdraw", "giat-giay"]):
        refused = run.invoke(app, ["knowledge", *command, "--by", "minh"])
        assert isinstance(refused.exception, PermissionDenied)
        assert run.invoke(app, ["knowledge", *command, "--by", "quan"]).exit_code == 0
