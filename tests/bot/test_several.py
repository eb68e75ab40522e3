"""Several real bot processes on one token, against the simulator, on both databases. Rasa is away as in test_killed."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from crm import clock, health
from crm.db import Database
from crm.models.messaging import Inbound, InboundState, Lease, Outbox, OutboxState
from tests.bot.test_killed import CHATS, Simulator, check, free_port, process, settled
from tests.freezing import freeze

PATIENCE_S = 60
BOT_ID = 100000001


def until(done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not done() and time.monotonic() < deadline:
        time.sleep(0.2)
    return done()


def environment(database: Database, folder: Path, port: int, **more: str) -> dict[str, str]:
    return {
        "TRIAN_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "TRIAN_VAR_DIR": str(folder),
        "TRIAN_SIMULATOR_PORT": str(port),
        "TRIAN_RASA_URL": f"http://127.0.0.1:{free_port()}",
        "TRIAN_RASA_TIMEOUT_S": "1",
        "TRIAN_LEASE_TTL_S": "3",
        "TRIAN_LOG_LEVEL": "ERROR",
        **more,
    }


def workers(database: Database) -> set[int]:
    with database.read() as session:
        return set(session.scalars(select(Lease.fence).where(Lease.name.startswith(f"worker:{BOT_ID}:"))))


def test_two_bots_share_the_work_and_the_frozen_one_spoils_nothing(database: Database, tmp_path: Path) -> None:
    port = free_port()
    settings = environment(database, tmp_path, port)
    with process("simulator", "--port", str(port)), ExitStack() as bots:
        simulator = Simulator(port)
        first = bots.enter_context(process("bot", **settings))
        simulator.people_write(1)
        second = bots.enter_context(process("bot", **settings))
        assert until(lambda: len(workers(database)) == 2)
        before = workers(database)
        for number in (1, 2, 3):
            for chat in CHATS:
                simulator.post(f"chats/{chat}/messages", {"text": f"/start {number}"}).raise_for_status()
            if number == 1:
                freeze(first.pid, database)
        try:
            assert until(lambda: settled(database, 4 * len(CHATS)))
        finally:
            first.send_signal(signal.SIGCONT)
        # The frozen one finds its number buried, takes a new one and goes on.
        assert until(lambda: len(workers(database)) == 2 and workers(database) != before)
        assert second.poll() is None
        check(database, simulator)
        with database.read() as session:
            assert len(set(session.scalars(select(Outbox.fence)))) == 2, "one process did everything"


def test_a_crash_before_a_call_is_settled_by_the_other_process(database: Database, tmp_path: Path) -> None:
    port = free_port()
    settings = environment(database, tmp_path, port)
    with process("simulator", "--port", str(port)), ExitStack() as bots:
        simulator = Simulator(port)
        doomed = bots.enter_context(process("bot", **settings, TRIAN_CRASH_AT="delivery.before_call"))
        simulator.people_write(1)
        assert until(lambda: doomed.poll() == -signal.SIGKILL)
        bots.enter_context(process("bot", **settings))
        assert until(lambda: settled(database, len(CHATS)))
        with database.read() as session:
            assert set(session.scalars(select(Outbox.state))) == {OutboxState.SENT}
            assert session.scalar(select(func.sum(Outbox.resends))) or 0 >= 1
        assert all(len(simulator.accepted(chat)) == 2 for chat in CHATS)


def test_one_unreadable_update_holds_nobody_up_and_a_flood_is_slowed_with_one_notice(
    database: Database, tmp_path: Path
) -> None:
    port = free_port()
    settings = environment(database, tmp_path, port, TRIAN_FLOOD_LIMIT="3", TRIAN_CHAT_GAP_S="0")
    flooder, other = CHATS[0], CHATS[1]
    with process("simulator", "--port", str(port)):
        simulator = Simulator(port)
        with process("bot", **settings):
            simulator.people_write(1)
            broken: dict[str, Any] = {"message": {"chat": {"id": 5, "type": "private"}, "text": 5}}
            simulator.post("updates", {"updates": [broken]}).raise_for_status()
            for number in range(9):
                simulator.post(f"chats/{flooder}/messages", {"text": f"/start {number}"}).raise_for_status()
            simulator.post(f"chats/{other}/messages", {"text": "/start z"}).raise_for_status()
            assert until(lambda: len(simulator.accepted(other)) == 3)
            assert until(lambda: any("lần lượt" in text for text in simulator.accepted(flooder)))
            with database.begin() as session:  # as if the flood had been a while ago
                long_ago = clock.now().replace(year=2020)
                session.execute(update(Inbound).where(Inbound.state == InboundState.DONE).values(done_at=long_ago))
            assert until(lambda: _states(database).get(InboundState.DEAD) == 1)
            assert until(lambda: len(simulator.accepted(flooder)) >= 9)
        assert sum("lần lượt" in text for text in simulator.accepted(flooder)) == 1


def _states(database: Database) -> dict[InboundState, int]:
    with database.read() as session:
        return dict(session.execute(select(Inbound.state, func.count()).group_by(Inbound.state)).all())


def test_a_bot_that_cannot_go_on_says_so_and_one_that_stops_is_not_missed(database: Database, tmp_path: Path) -> None:
    port = free_port()
    settings = environment(database, tmp_path, port)
    with process("simulator", "--port", str(port)):
        with process("bot", **settings):
            loops = {"delivery", "dispatcher", "intake", "sweeper"}
            assert until(lambda: loops <= {part.rpartition(":")[2] for part in _parts(database)})
        assert _parts(database) == []
        assert workers(database) == set()


def _parts(database: Database) -> list[str]:
    with database.read() as session:
        return [sign.process for sign in health.parts(session)]
