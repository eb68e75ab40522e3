"""The processes of the product: how each is started, and how to see that it serves."""

import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from crm.settings import Settings
from crm.shop import shop

ROOT = Path(__file__).resolve().parent.parent
NLU_PYTHON = ROOT / "nlu" / ".venv" / "bin" / "python"


@dataclass(frozen=True)
class Process:
    """One process: its argument list, the TCP port it takes (None: none) and a URL that answers 200 once it serves.

    Without a URL its sign of life in the database is what tells.
    """

    name: str
    command: list[str]
    port: int | None = None
    url: str | None = None


def all_processes(settings: Settings) -> list[Process]:
    """Every process of this installation, in the order in which they are worth starting."""
    # Of several servers `trian run` starts the first: the others stand on machines of their own.
    rasa, actions = _port(settings.rasa_urls[0]), _port(settings.actions_url.split(",")[0])
    console = settings.console_port
    webhook = settings.webhook_port if settings.telegram_mode == "webhook" else None
    processes = [
        Process(
            "rasa",
            [
                *(str(NLU_PYTHON), "-m", "nlu.serve", "--port", str(rasa)),
                *("--models", str(settings.models_dir), "--catalogue", str(settings.catalogue_file)),
            ],
            rasa,
            f"{settings.rasa_urls[0]}/webhooks/trian/health",
        ),
        Process("actions", _module("actions", actions), actions, f"http://127.0.0.1:{actions}/health"),
        Process("bot", _module("bot"), webhook),
        Process("scheduler", _module("scheduler")),
        Process("console", _module("console", console), console, f"http://127.0.0.1:{console}/login"),
    ]
    return [*([simulator(settings)] if settings.simulated else []), *processes]


def simulator(settings: Settings) -> Process:
    """The stand-in for Telegram; its chats outlive a restart."""
    port = settings.simulator_port
    people = str(settings.data_dir / "demo" / "people.json")
    state = str(settings.var_dir / "simulator.json")
    command = [*_module("simulator", port), "--people", people, "--state", state, "--bot-name", shop().name]
    return Process("simulator", command, port, f"http://127.0.0.1:{port}/")


def _module(name: str, port: int | None = None) -> list[str]:
    return [sys.executable, "-m", name, *(["--port", str(port)] if port is not None else [])]


def _port(url: str) -> int:
    return urlsplit(url).port or 80
