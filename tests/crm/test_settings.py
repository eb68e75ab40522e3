from pathlib import Path

import pytest

from crm.errors import SettingsProblem
from crm.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_every_setting_is_explained_with_its_own_default() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    explained = {line.partition("=")[0]: line.partition("=")[2] for line in lines if line.startswith("TRIAN_")}
    fields = {f"TRIAN_{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    assert explained.keys() == fields.keys()
    assert {name: "" if default is None else str(default) for name, default in fields.items()} == explained
    for number, line in enumerate(lines):
        if line.startswith("TRIAN_"):
            assert lines[number - 1].startswith("# "), f"{line} has no explanation above it"


def test_the_example_copied_as_it_is_means_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIAN_TELEGRAM_TOKEN")
    chosen = Settings(_env_file=EXAMPLE)  # type: ignore[call-arg]
    assert chosen.simulated
    assert chosen.api_base_url == f"http://127.0.0.1:{chosen.simulator_port}/bot"
    assert chosen.telegram_proxy is None


def test_a_real_token_means_real_telegram() -> None:
    chosen = Settings(telegram_token="123456:" + "a" * 30)  # type: ignore[arg-type]
    assert not chosen.simulated
    assert chosen.bot_id == 123456
    assert chosen.api_base_url.startswith("https://")


def test_a_token_of_the_wrong_shape_is_explained() -> None:
    with pytest.raises(SettingsProblem, match="BotFather"):
        _ = Settings(telegram_token="hello").bot_id  # type: ignore[arg-type]
