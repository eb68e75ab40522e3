"""The real bot process against the simulator, killed at random moments, on both databases. Rasa is away: the answer
is then the sentence that a person will help, which is an answer like any other for counting."""

import random
import signal
import time
from pathlib import Path

from crm.db import Database
from tests.bot.running import CHATS, MESSAGES, PATIENCE_S, Simulator, check, free_port, process, settled

KILLS = 3


def test_killed_at_random_moments_every_update_is_answered_once_in_order(database: Database, tmp_path: Path) -> None:
    port, nobody = free_port(), free_port()
    settings = {
        "TRIAN_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "TRIAN_VAR_DIR": str(tmp_path),
        "TRIAN_SIMULATOR_PORT": str(port),
        "TRIAN_RASA_URL": f"http://127.0.0.1:{nobody}",
        "TRIAN_RASA_TIMEOUT_S": "1",
        "TRIAN_LOG_LEVEL": "ERROR",
    }
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with process("simulator", "--port", str(port)):
        simulator = Simulator(port)
        for kill in range(KILLS):
            with process("bot", **settings) as bot:
                if kill == 0:
                    simulator.people_write(MESSAGES)
                time.sleep(dice.uniform(1.0, 4.0))
                bot.send_signal(signal.SIGKILL)
        with process("bot", **settings):
            deadline = time.monotonic() + PATIENCE_S
            while not settled(database, len(CHATS) * MESSAGES) and time.monotonic() < deadline:
                time.sleep(0.3)
        check(database, simulator)
