from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm.db import Database
from crm.settings import settings
from operations.cli import app
from tests.crm.factories import agent

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
