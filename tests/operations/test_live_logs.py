"""The real bot, at its most talkative, while people write, Rasa is away and Telegram makes trouble."""

import json
import time
from pathlib import Path

import pytest

from crm.db import Database
from crm.settings import SIMULATOR_TOKEN
from tests.bot.running import CHATS, Simulator, free_port, process, settled

SECRET_WORDS = ("máy giặt", "cháy", "0912345678", "Khách")


def test_the_logs_of_a_lively_hour_hold_nobodys_words_and_no_secret(
    database: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port, nobody = free_port(), free_port()
    settings = {
        "TRIAN_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "TRIAN_VAR_DIR": str(tmp_path),
        "TRIAN_SIMULATOR_PORT": str(port),
        "TRIAN_RASA_URL": f"http://127.0.0.1:{nobody}",
        "TRIAN_RASA_TIMEOUT_S": "1",
        "TRIAN_LOG_LEVEL": "DEBUG",
        "TRIAN_LOG_FORMAT": "json",
    }
    with process("simulator", "--port", str(port)):
        simulator = Simulator(port)
        capfd.readouterr()
        with process("bot", **settings):
            simulator.people_write(1)
            simulator.post("faults", {"method": "sendMessage", "kind": "502_html", "count": 2}).raise_for_status()
            for chat in CHATS:
                told = {"text": "Máy giặt nhà tôi cháy rồi, gọi 0912345678"}
                simulator.post(f"chats/{chat}/messages", told).raise_for_status()
            deadline = time.monotonic() + 60
            while not settled(database, 2 * len(CHATS)) and time.monotonic() < deadline:
                time.sleep(0.3)
        lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert settled(database, 2 * len(CHATS))
    events = [json.loads(line) for line in lines]
    assert any(event["event"] == "no answer from the understanding" for event in events)
    said = "\n".join(lines).lower()
    for secret in (*SECRET_WORDS, SIMULATOR_TOKEN.partition(":")[2]):
        assert secret.lower() not in said, secret
