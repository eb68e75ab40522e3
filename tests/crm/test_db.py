from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from crm import clock
from crm.db import Database
from crm.models.messaging import Counter, Lease


def test_four_writers_at_once_lose_no_update(database: Database) -> None:
    with database.begin() as session:
        session.add(Counter(name="n", value=0))

    def add(_: int) -> None:
        for _ in range(25):
            with database.begin() as session:
                counter = session.get_one(Counter, "n", with_for_update=True)
                counter.value += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    with database.read() as session:
        assert session.get_one(Counter, "n").value == 100


def test_who_stalls_within_a_transaction_gives_its_locks_up(postgres: Database) -> None:
    with postgres.read() as session:
        assert session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "20s"


def test_a_server_that_falls_silent_is_given_up_by_its_client(postgres: Database) -> None:
    with postgres.read() as session:
        connection = session.connection().connection.driver_connection
        assert connection is not None
        asked = connection.info.get_parameters()
    assert asked.items() >= {"keepalives_idle": "10", "tcp_user_timeout": "20000", "connect_timeout": "10"}.items()


def test_moments_come_back_aware_and_naive_ones_are_refused(session: Session) -> None:
    moment = clock.now()
    session.add(Lease(name="a", owner="o", fence=1, expires_at=moment))
    session.flush()
    session.expire_all()
    assert session.get_one(Lease, "a").expires_at == moment
    session.add(Lease(name="b", owner="o", fence=1, expires_at=datetime(2026, 1, 1)))
    with pytest.raises(StatementError, match="naive"):
        session.flush()


def test_looking_does_not_wait_for_a_writer(database: Database) -> None:
    with database.begin() as writer:
        writer.add(Counter(name="n", value=1))
        writer.flush()
        with database.read() as reader:
            assert reader.get(Counter, "n") is None


def test_late_writers_at_once_lose_no_update_and_look_without_the_lock(database: Database) -> None:
    with database.begin() as session:
        session.add(Counter(name="n", value=0))

    def add(_: int) -> None:
        def look_then_write(session: Session) -> None:
            counter = session.get_one(Counter, "n", with_for_update=True)
            counter.value += 1

        for _ in range(25):
            database.write_late(look_then_write)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    with database.read() as session:
        assert session.get_one(Counter, "n").value == 100


def test_a_late_writer_that_is_overtaken_runs_once_more_and_fails_as_it_would(database: Database) -> None:
    seen: list[int] = []

    def overtaken(session: Session) -> int:
        seen.append(len(seen))
        session.get(Counter, "mine")
        if len(seen) == 1:
            with database.begin() as other:
                other.add(Counter(name="theirs", value=1))
        session.add(Counter(name="mine", value=1))
        session.flush()
        return 7

    assert database.write_late(overtaken) == 7
    assert len(seen) == (2 if database.engine.dialect.name == "sqlite" else 1)
    with database.read() as session:
        assert session.get(Counter, "mine") is not None
        assert session.get(Counter, "theirs") is not None

    def wrong(session: Session) -> None:
        session.add(Counter(name="wrong", value=1))
        session.flush()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write_late(wrong)
    with database.read() as session:
        assert session.get(Counter, "wrong") is None
