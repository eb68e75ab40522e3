"""One real bot process against the simulator, on both databases. Rasa is away as in test_killed."""

from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from crm import clock, health
from crm.db import Database
from crm.models.messaging import Inbound, InboundState
from tests.bot.running import CHATS, Simulator, environment, free_port, process, until, workers


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
