import configparser
import socket
from pathlib import Path

import pytest

from crm.errors import SettingsProblem
from crm.settings import Settings, settings
from operations import preflight, supervise
from operations.processes import Process, all_processes

TOKEN = "424242:a-token-of-the-right-shape-0123"


def with_token(token: str, **more: object) -> Settings:
    return Settings(telegram_token=token, **more)  # type: ignore[arg-type]


def test_a_secret_is_written_once_and_other_lines_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIAN_SHARED_SECRET")
    monkeypatch.chdir(tmp_path)
    env = tmp_path / ".env"
    env.write_text("TRIAN_SEND_RATE=20\nTRIAN_SHARED_SECRET=", encoding="utf-8")
    settings.cache_clear()
    first = preflight.ensure_secret(env).secret
    assert len(first) >= 32
    assert preflight.ensure_secret(env).secret == first
    assert env.read_text(encoding="utf-8").count("TRIAN_SHARED_SECRET") == 1
    assert settings().send_rate == 20
    assert env.stat().st_mode & 0o077 == 0
    monkeypatch.undo()
    settings.cache_clear()


def test_a_taken_port_names_the_setting_that_changes_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsProblem, match=rf"port {port} is taken.*TRIAN_CONSOLE_PORT"):
            preflight.check_ports("127.0.0.1", [Process("console", [], port)])


def test_a_token_telegram_does_not_know_is_said_in_a_sentence() -> None:
    from tests.simulator.conftest import serving

    with serving("--token", TOKEN) as address:
        known = with_token(TOKEN, telegram_base_url=f"{address}/bot")
        assert preflight.check_token(known) is not None
        with pytest.raises(SettingsProblem, match="BotFather"):
            preflight.check_token(with_token(TOKEN + "x", telegram_base_url=f"{address}/bot"))


def test_without_contact_to_telegram_nothing_is_refused() -> None:
    assert preflight.check_token(with_token(TOKEN, telegram_base_url="http://127.0.0.1:9/bot")) is None


def test_with_a_real_token_the_simulator_is_not_started() -> None:
    assert "simulator" in [process.name for process in all_processes(settings())]
    assert "simulator" not in [process.name for process in all_processes(with_token(TOKEN))]


def test_the_supervisor_restarts_whatever_dies(tmp_path: Path) -> None:
    chosen = Settings(var_dir=tmp_path, shared_secret="50%off-and-a-good-deal-more")  # type: ignore[arg-type]
    path = supervise.write_configuration(chosen, all_processes(chosen))
    parsed = configparser.RawConfigParser()
    parsed.read(path)
    programs = [name for name in parsed.sections() if name.startswith("program:")]
    assert len(programs) == 6
    assert all(parsed[name]["autorestart"] == "true" for name in programs)
    assert 'TRIAN_SHARED_SECRET="50%%off-and-a-good-deal-more"' in parsed["supervisord"]["environment"]
    assert path.stat().st_mode & 0o077 == 0


def test_a_checkout_that_lies_deep_still_has_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    path = supervise.write_configuration(Settings(var_dir=deep), [])
    parsed = configparser.RawConfigParser()
    parsed.read(path)
    assert len(parsed["unix_http_server"]["file"]) < 95
