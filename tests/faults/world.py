"""A world for one case: a database, a simulator, a stand-in for Rasa, and our processes to start and kill."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import func, select, update

from crm import clock
from crm.db import Database
from crm.models.messaging import Inbound, InboundState, Lease, Outbox
from crm.settings import SIMULATOR_TOKEN
from operations.processes import NLU_PYTHON, ROOT
from operations.sandbox import free_ports
from tests import freezing
from tests.faults import oracle, rooms
from tests.faults.databases import Databases
from tests.faults.oracle import MOVING, Audit, Mark
from tests.faults.rooms import Running
from tests.faults.telegram import Telegram
from tests.faults.understanding import Understanding

SOON = timedelta(seconds=3)
TOKEN = SIMULATOR_TOKEN
BOT_ID = int(TOKEN.partition(":")[0])
SECRET = "secret-of-the-fault-tests"
LOOK_S = 0.05
READY_S = 300.0  # Rasa alone takes ten seconds of a free processor


class NotReady(Exception):
    """Something did not come about in time; the message says what."""


class World:
    """Everything a case needs. The simulator runs from the beginning and knows the bot; nothing else runs.

    Attributes:
        kind: `sqlite` or `postgresql`; `url` and `database` lead to it.
        var: the folder for files and logs, `var/log/<process>-<number>.log`.
        settings: TRIAN_* given to every process started from now on; a case may change them.
        telegram, rasa: the other sides, in our hand.
    """

    def __init__(self, kind: str, url: str, databases: Databases) -> None:
        self.kind, self.url, self.database = kind, url, Database(url)
        self.databases = databases
        self.var = Path(tempfile.mkdtemp(prefix="trian-f-"))
        (self.var / "log").mkdir()
        _share_embeddings(self.var)
        self.rasa = Understanding()
        self.rasa_port, self.actions_port, self.console_port, self.webhook_port, chat = free_ports(5)
        self.settings = self._settings(chat)
        self.processes: list[Running] = []
        self._starts = 0
        self.telegram = Telegram(chat)
        self.simulator = self.start_simulator()

    def _settings(self, chat: int) -> dict[str, str]:
        return {
            "TRIAN_DATABASE_URL": self.url,
            "TRIAN_TRACKER_URL": f"sqlite:///{self.var}/tracker.db",
            "TRIAN_VAR_DIR": str(self.var),
            "TRIAN_TELEGRAM_TOKEN": "",
            "TRIAN_TELEGRAM_MODE": "polling",
            "TRIAN_SHARED_SECRET": SECRET,
            "TRIAN_RASA_URL": self.rasa.url,
            "TRIAN_ACTIONS_URL": f"http://127.0.0.1:{self.actions_port}/webhook",
            "TRIAN_CONSOLE_PORT": str(self.console_port),
            "TRIAN_SIMULATOR_PORT": str(chat),
            "TRIAN_WEBHOOK_URL": f"http://127.0.0.1:{self.webhook_port}",
            "TRIAN_WEBHOOK_PORT": str(self.webhook_port),
            "TRIAN_TIMEZONE": zone_at(12),
            "TRIAN_SEND_RATE": "1000",
            "TRIAN_CHAT_GAP_S": "0",
            "TRIAN_FLOOD_LIMIT": "0",
            "TRIAN_LEASE_TTL_S": "6",
            "TRIAN_LOG_LEVEL": "INFO",
        }

    # Processes

    def start_simulator(self, *arguments: str) -> Running:
        """Starts an empty simulator and makes the bot known to it. Stop the one that runs first.

        Args:
            arguments: of `python -m simulator`, such as `--rate-limits` or `--state FILE`.
        """
        command = [sys.executable, "-m", "simulator", "--port", str(self.telegram.port), *arguments]
        self.simulator = self._keep(rooms.spawn("simulator", command, {}, self._log("simulator"), ROOT))
        self.wait(self.telegram.serves, 60, "the simulator serves")
        self.telegram.introduce(TOKEN)
        return self.simulator

    def limit_rates(self) -> None:
        """From now on Telegram's own flood limits hold: 30 messages a second, one a second to a chat."""
        self.simulator.stop()
        self.start_simulator("--rate-limits")

    def start(self, name: str, *, ready: bool = True, at: datetime | None = None, **settings: str) -> Running:
        """Starts one more `bot`, `scheduler`, `actions`, `console` or `rasa`.

        Args:
            ready: wait until those with a port serve; `bot` and `scheduler` are never waited for.
            at: the moment its wall clock shows at the start (not for console and rasa); it goes on from there.
            settings: further TRIAN_* variables, by full name.
        """
        environment = {**self.settings, **settings}
        if name == "rasa":
            running = rooms.spawn(name, self._rasa_command(environment), environment, self._log(name), ROOT)
        elif name == "console":
            command = [sys.executable, "-m", "console", "--port", str(self.console_port)]
            running = rooms.spawn(name, command, environment, self._log(name), ROOT)
        else:
            port = ["--port", str(self.actions_port)] if name == "actions" else []
            running = rooms.fork(name, port, environment, self._log(name), at)
        self._keep(running)
        if ready and name in self._health:
            self.wait(lambda: self.serves(name), READY_S, f"{name} serves")
        return running

    def kill(self, running: Running, lapse: bool = True) -> None:
        """SIGKILL. With `lapse` its leases run out at once: as if the time they still had was over."""
        pid = running.pid
        running.kill()
        if lapse:
            self.lapse(pid)

    def freeze(self, running: Running) -> None:
        """SIGSTOP between two transactions; `running.thaw()` lets it go on."""
        freezing.freeze(running.pid, self.database)

    def lapse(self, pid: int) -> None:
        """Lets the leases of a dead process run out now, instead of waiting for it."""
        with self.database.begin() as session:
            owned = update(Lease).where(Lease.owner.like(f"%:{pid}:%"))
            session.execute(owned.values(expires_at=clock.now() - timedelta(seconds=1)))

    def serves(self, name: str) -> bool:
        """Whether `rasa`, `actions` or `console` answers its health page."""
        try:
            return httpx.get(self._health[name], timeout=5).is_success
        except httpx.HTTPError:
            return False

    def use_rasa(self) -> None:
        """From now on the bot asks the real Rasa instead of the stand-in."""
        self.settings["TRIAN_RASA_URL"] = f"http://127.0.0.1:{self.rasa_port}"

    def close(self, keep: bool = False) -> None:
        """Ends whatever runs and removes the files; with `keep` the logs stay, and it is said where."""
        for running in reversed(self.processes):
            if running is not self.simulator:
                running.kill()
        self.simulator.stop()
        self.telegram.close()
        self.rasa.close()
        self.database.dispose()
        if keep:
            print(f"      logs: {self.var / 'log'}", flush=True)
        else:
            shutil.rmtree(self.var, ignore_errors=True)

    @property
    def _health(self) -> dict[str, str]:
        return {
            "rasa": f"http://127.0.0.1:{self.rasa_port}/webhooks/trian/health",
            "actions": f"http://127.0.0.1:{self.actions_port}/health",
            "console": f"http://127.0.0.1:{self.console_port}/login",
        }

    def _rasa_command(self, environment: dict[str, str]) -> list[str]:
        models = environment.get("TRIAN_MODELS_DIR", str(ROOT / "models"))
        catalogue = str(self.var / "catalogue.json")
        serve = [str(NLU_PYTHON), "-m", "nlu.serve", "--port", str(self.rasa_port)]
        return [*serve, "--models", models, "--catalogue", catalogue]

    def _log(self, name: str) -> Path:
        """A log of its own for each start."""
        self._starts += 1
        return self.var / "log" / f"{name}-{self._starts:04}.log"

    def _keep(self, running: Running) -> Running:
        self.processes.append(running)
        return running

    # Waiting and looking

    def wait(self, until: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Waits until `until()`. Raises NotReady saying `what` did not come about."""
        if not self.reaches(until, timeout_s):
            raise NotReady(f"not within {timeout_s:.0f} s: {what}")

    def reaches(self, until: Callable[[], bool], timeout_s: float) -> bool:
        """Whether `until()` becomes true within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not until():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_S)
        return True

    def quiet(self) -> bool:
        """Whether nothing moves: no update waits at Telegram or in the inbox, no row is due or being sent."""
        with self.database.read() as session:
            waiting = select(func.count()).where(Inbound.state == InboundState.PENDING)
            soon = clock.now() + SOON  # what broke off is sent once more after a breath
            due = select(func.count()).where(Outbox.state.in_(MOVING), Outbox.not_before <= soon)
            moving = (session.scalar(waiting) or 0) + (session.scalar(due) or 0)
        return not moving and not self.telegram.pending()

    def settle(self, timeout_s: float = 120) -> bool:
        """Waits until nothing moves, at two looks a quarter of a second apart; whether that came about."""

        def still() -> bool:
            if not self.quiet():
                return False
            time.sleep(0.25)
            return self.quiet()

        return self.reaches(still, timeout_s)

    def mark(self) -> Mark:
        """Where things stand, for a later audit."""
        return oracle.mark(self.database, self.telegram)

    def audit(self, since: Mark | None = None) -> Audit:
        """The oracle's judgement of everything after `since`."""
        return oracle.audit(self.database, self.telegram, since or Mark())

    def people(self, count: int, first: int = 700_001) -> list[int]:
        """Makes `count` people known to Telegram; returns their chats."""
        return [self.telegram.person(chat) for chat in range(first, first + count)]

    def said(self, name: str) -> str:
        """Everything the processes of that name wrote to their log."""
        logs = sorted((self.var / "log").glob(f"{name}-*.log"))
        return "".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)

    def deaths(self) -> list[str]:
        """Sentences about the processes that ended without being told to."""
        dead = [running for running in self.processes if not running.alive and not running.told]
        return [f"{running.name} ended by itself ({running.exit_code}): …{running.said()[-400:]}" for running in dead]


def zone_at(hour: int) -> str:
    """A timezone in which the wall clock now shows `hour`, as near as zones go (-12 to +14 hours of UTC)."""
    offset = hour - datetime.now(UTC).hour
    offset += 24 if offset < -12 else -24 if offset > 14 else 0
    return f"Etc/GMT{-offset:+d}"


def _share_embeddings(var: Path) -> None:
    """Embedding all articles takes a minute: what an earlier run has computed is used."""
    for kept in (ROOT / ".pytest_cache" / "d" / "embeddings" / "embeddings.db", ROOT / "var" / "embeddings.db"):
        if kept.exists():
            (var / "embeddings.db").symlink_to(kept)
            return
