"""What must be true before anything starts; each thing that is not is one sentence that says what to do."""

import secrets
import socket
from pathlib import Path

import httpx

from crm.errors import SettingsProblem
from crm.settings import Settings, settings
from operations.processes import NLU_PYTHON, ROOT, Process

_ENV = ROOT / ".env"
_SETTING_OF = {
    "console": "TRIAN_CONSOLE_PORT",
    "simulator": "TRIAN_SIMULATOR_PORT",
    "rasa": "TRIAN_RASA_URL",
    "actions": "TRIAN_ACTIONS_URL",
    "bot": "TRIAN_WEBHOOK_PORT",
}


def ensure_secret(path: Path = _ENV) -> Settings:
    """Writes a random TRIAN_SHARED_SECRET into `.env` when none is set; returns the settings to go on with."""
    try:
        _ = settings().secret
    except SettingsProblem:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        kept = "".join(line for line in before.splitlines(True) if not line.startswith("TRIAN_SHARED_SECRET="))
        separator = "" if not kept or kept.endswith("\n") else "\n"
        path.write_text(f"{kept}{separator}TRIAN_SHARED_SECRET={secrets.token_urlsafe(32)}\n", encoding="utf-8")
        path.chmod(0o600)
        settings.cache_clear()
    return settings()


def check_rooms() -> None:
    """Raises SettingsProblem unless Rasa's own environment is installed."""
    if not NLU_PYTHON.exists():
        raise SettingsProblem("Rasa's environment is missing; run `make setup` first")


def check_ports(host: str, processes: list[Process]) -> None:
    """Raises SettingsProblem naming the first port that something else holds."""
    for process in processes:
        if process.port is not None and _taken(host, process.port):
            raise SettingsProblem(
                f"port {process.port} is taken: is Tri Ân running already? Stop it, or choose another port for "
                f"{process.name} with {_SETTING_OF[process.name]} in .env"
            )


def _taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def check_token(chosen: Settings) -> str | None:
    """Asks Telegram who the bot is; None while the simulator is used, or when Telegram cannot be reached now.

    Raises:
        SettingsProblem: Telegram knows no bot with this token.
    """
    if chosen.simulated:
        return None
    _ = chosen.bot_id
    try:
        answer = httpx.get(f"{chosen.api_base_url}{chosen.token}/getMe", timeout=10, proxy=chosen.telegram_proxy)
    except httpx.HTTPError:
        return None
    if answer.status_code in (401, 404):
        raise SettingsProblem("Telegram does not know the token in TRIAN_TELEGRAM_TOKEN; copy it again from @BotFather")
    return str(answer.json()["result"]["username"]) if answer.is_success else None
