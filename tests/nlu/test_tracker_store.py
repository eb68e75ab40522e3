from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

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
