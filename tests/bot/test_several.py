"""Several real bot processes on one token, against the simulator, on both databases. Rasa is away as in test_killed."""

import signal
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import func, select

from crm.db import Database
from crm.models.messaging import Outbox, OutboxState
from tests.bot.running import CHATS, Simulator, check, environment, free_port, process, settled, until, workers
from tests.freezing import freeze


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
            assert (session.scalar(select(func.sum(Outbox.resends))) or 0) >= 1
        assert all(len(simulator.accepted(chat)) == 2 for chat in CHATS)
