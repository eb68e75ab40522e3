"""One house a test, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from crm import schema, tracker_events
from crm.db import Database
from crm.settings import settings
from tests.operations.houses import House


def _new_postgres(url: str, name: str) -> str:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A migrated, empty house; the settings are its own for the length of the test."""
    urls = {"database_url": f"sqlite:///{tmp_path}/var/trian.db", "tracker_url": f"sqlite:///{tmp_path}/var/tracker.db"}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_url")
        urls = {"database_url": _new_postgres(server, "house"), "tracker_url": _new_postgres(server, "house_tracker")}
        urls["tracker_url"] = urls["tracker_url"].replace("+psycopg", "")  # as Rasa's room writes it
    for name, value in {**urls, "var_dir": tmp_path / "var", "models_dir": tmp_path / "models"}.items():
        monkeypatch.setattr(settings(), name, value)
    (tmp_path / "var").mkdir(exist_ok=True)
    made = House(
        Database(settings().database_url), Database(tracker_events.own_driver(settings().tracker_url)), tmp_path
    )
    schema.upgrade(made.database.engine)
    tracker_events.EVENTS.create(made.tracker.engine)
    yield made
    made.rest()
