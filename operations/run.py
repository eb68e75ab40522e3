"""`trian run`: from an empty checkout to a serving shop, with one line a step and a banner at the end."""

import signal
import subprocess
import sys
import time
from types import FrameType

from crm import catalogue_export, demo, schema
from crm.db import database
from crm.errors import SettingsProblem
from crm.settings import Settings
from operations import preflight, supervise
from operations.processes import NLU_PYTHON, ROOT, Process, all_processes

START_TIMEOUT_S = 120.0


def run() -> int:
    """Sets up, starts everything, and stays until Ctrl-C or SIGTERM. Returns the exit code."""
    began = time.monotonic()
    preflight.check_rooms()
    chosen = preflight.ensure_secret()
    processes = all_processes(chosen)
    preflight.check_ports(chosen.host, processes)
    bot_name = preflight.check_token(chosen)
    prepare_database(chosen)
    train(chosen)
    return _serve(chosen, processes, bot_name, began)


def prepare_database(chosen: Settings) -> None:
    """Migrates; loads the demo shop into an empty database when the simulator is in use."""
    say("database: migrating")
    base = database(chosen.database_url)
    schema.upgrade(base.engine)
    if chosen.simulated:
        with base.begin() as session:
            if demo.load(session):
                say("database: demo shop loaded")
    with base.read() as session:
        catalogue_export.write(session, chosen.catalogue_file)


def train(chosen: Settings) -> None:
    """Trains a model unless one fits the training data; its own progress is shown. Raises SettingsProblem."""
    say("model: checking that it fits the training data")
    if subprocess.run(
        [str(NLU_PYTHON), "-m", "nlu.train", "--models", str(chosen.models_dir)], cwd=ROOT, check=False
    ).returncode:
        raise SettingsProblem("no model could be trained; the lines above say why")


def say(line: str) -> None:
    """One line of progress."""
    print(f"  · {line}", flush=True)


def _serve(chosen: Settings, processes: list[Process], bot_name: str | None, began: float) -> int:
    say("starting " + ", ".join(process.name for process in processes))
    supervisor = supervise.start(supervise.write_configuration(chosen, processes))
    stopping = _stop_with(supervisor)
    try:
        alive = lambda: supervisor.poll() is None and not stopping  # noqa: E731
        for process in supervise.wait_until_serving(chosen, processes, START_TIMEOUT_S, alive):
            say(f"{process.name} serves")
        print(_banner(chosen, bot_name, time.monotonic() - began), flush=True)
    except TimeoutError as problem:
        if not stopping:
            print(f"\n{problem}", file=sys.stderr)
            supervisor.terminate()
            supervisor.wait()
            return 1
    supervisor.wait()
    print("  · stopped", flush=True)
    return 0


def _stop_with(supervisor: subprocess.Popen[bytes]) -> list[int]:
    """Passes SIGTERM and Ctrl-C on to the supervisor; the list holds the signals that came."""
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if not received:
            say("stopping")
        received.append(number)
        if supervisor.poll() is None:
            supervisor.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return received


def _banner(chosen: Settings, bot_name: str | None, seconds: float) -> str:
    console = f"http://127.0.0.1:{chosen.console_port}"
    if chosen.simulated:
        chat = f"http://127.0.0.1:{chosen.simulator_port}"
        log_ins = "lan (agent) · minh (marketing) · quan (admin), password trian-demo"
    else:
        chat = f"https://t.me/{bot_name}" if bot_name else "Telegram (not reached yet; the bot keeps trying)"
        log_ins = "the first one: .venv/bin/trian staff first"
    rows = [
        ("Chat", chat),
        ("Console", console),
        ("Log-ins", log_ins),
        ("Logs", str(chosen.var_dir / "log")),
        ("Stop", "Ctrl-C"),
    ]
    lines = [f"Tri Ân is serving ({seconds:.0f} s)", *(f"{name:<8} {value}" for name, value in rows)]
    width = max(map(len, lines))
    edge = "─" * (width + 2)
    body = "\n".join(f"│ {line:<{width}} │" for line in lines)
    return f"\n┌{edge}┐\n{body}\n└{edge}┘\n"
