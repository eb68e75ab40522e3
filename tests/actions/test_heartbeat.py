"""The action server's sign of life, and that its modules are put together without a circle."""

import ast
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

import actions
from crm import clock, health
from crm.db import Database
from crm.heartbeat import Heartbeat
from crm.settings import settings

PATIENCE_S = 10.0


def _signs(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(sign.process, sign.status) for sign in health.signs(session)]


def _parts(database: Database) -> list[str]:
    with database.read() as session:
        return [sign.process for sign in health.parts(session)]


def _until(done: object) -> None:
    end = time.monotonic() + PATIENCE_S
    while not done():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_beats_again_and_again_until_it_is_stopped(shop: Database) -> None:
    heart = Heartbeat(shop, "actions", "a-1", every_s=0.02)
    heart.start()
    _until(lambda: _signs(shop) == [("actions", "serving")])
    with shop.begin() as session:
        health.beat(session, "actions", "overwritten")
    _until(lambda: _signs(shop) == [("actions", "serving")])
    assert _parts(shop) == ["actions:a-1"]
    heart.stop()
    assert not heart.is_alive()
    assert _parts(shop) == []


def test_of_two_of_a_role_the_one_that_died_is_missed(shop: Database) -> None:
    with shop.begin() as session:
        health.beat(session, "actions:a-2", "serving", clock.now() - timedelta(seconds=40))
        health.beat(session, "console:a-1", "serving", clock.now() - timedelta(days=2))  # was taken away for good
    heart = Heartbeat(shop, "actions", "a-1", every_s=0.02)
    heart.start()
    _until(lambda: _signs(shop) == [("actions", "serving")])
    with shop.read() as session:
        (problem,) = health.problems(session, settings().bot_id)
    heart.stop()
    assert "actions:a-2" in problem.what
    assert problem.red


def test_without_a_database_it_lives_on_and_says_so_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shop: Database
) -> None:
    away = Database(f"sqlite:///{tmp_path / 'not_migrated.db'}")
    heart = Heartbeat(away, "actions", "a-1", every_s=0.01)
    tried = threading.Event()
    begin, count = away.begin, iter(range(1_000_000))

    def counted():  # type: ignore[no-untyped-def]
        if next(count) >= 3:
            tried.set()
        return begin()

    away.begin = counted  # type: ignore[method-assign]
    heart.start()
    assert tried.wait(PATIENCE_S)
    assert heart.is_alive()
    away.begin = shop.begin  # type: ignore[method-assign]
    _until(lambda: _signs(shop) == [("actions", "serving")])
    heart.stop()
    assert capsys.readouterr().out.count("no sign of life") <= 1
    away.dispose()


def test_no_module_imports_another_action_late() -> None:
    late = []
    for path in Path(str(actions.__file__)).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            late += [path.name for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert late == []
