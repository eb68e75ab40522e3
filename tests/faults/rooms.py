"""Our own processes as a case starts, kills, freezes and stops them.

Importing a room takes seconds, a killed process must be replaced a hundred times: the rooms of Python 3.11's product
environment are imported once in a fork server, and each start is a fork of it that runs `python -m <room>`'s main. It
is a process like any other, with its own pid, connections and signals. Rasa lives in another environment and is
started from its own interpreter, as are the console and the simulator, which no case starts a hundred times.
"""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from importlib import import_module
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import time_machine

PRELOADED = ("bot.__main__", "scheduler.__main__", "actions.__main__")
STOP_S = 20.0
HOST = "telegram.invalid"
HOSTS = "FAULT_HOSTS"  # while the file that this variable names is there, HOST is this machine

_nursery = multiprocessing.get_context("forkserver")
_nursery.set_forkserver_preload([*PRELOADED, __name__])


class Running:
    """One started process."""

    def __init__(self, name: str, process: "ForkServerProcess | subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.log = log
        self.told = False  # to end
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll() is None
        return self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """The exit code once it has ended; negative: the signal that ended it."""
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll()
        return self._process.exitcode

    def said(self) -> str:
        """Everything it has written to its log."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if it lives."""
        if self.alive:
            os.kill(self.pid, number)

    def thaw(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        self.told = True
        self.signal(signal.SIGKILL)
        self._wait(STOP_S)

    def stop(self) -> int | None:
        """SIGTERM as an operator would; SIGKILL if it does not end in STOP_S seconds. Returns the exit code."""
        self.told = True
        self.thaw()
        self.signal(signal.SIGTERM)
        if not self._wait(STOP_S):
            self.kill()
        return self.exit_code

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def fork(
    room: str, arguments: list[str], environment: dict[str, str], log: Path, at: datetime | None = None
) -> Running:
    """Starts `python -m room arguments` from the fork server. `environment` is added to this process's own.

    With `at` its wall clock begins there and goes on; the monotonic clock stays true.
    """
    everything = {**os.environ, **environment}
    process = _nursery.Process(target=_run, args=(room, arguments, everything, str(log), at), name=room, daemon=True)
    process.start()
    return Running(room, process, log)


def spawn(name: str, command: list[str], environment: dict[str, str], log: Path, root: Path) -> Running:
    """Starts a command of its own in the folder `root`."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=root, stdout=out, stderr=subprocess.STDOUT
        )
    return Running(name, process, log)


def _run(room: str, arguments: list[str], environment: dict[str, str], log: str, at: datetime | None) -> None:
    os.environ.clear()
    os.environ.update(environment)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.argv = [room, *arguments]
    if at is not None:
        time_machine.travel(at).start()
    if hosts := environment.get(HOSTS):
        _look_up_by(Path(hosts))
    import_module(f"{room}.__main__").main()


def _look_up_by(hosts: Path) -> None:
    """From now on HOST has an address, and DNS answers at all, while `hosts` is there."""
    really = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        if host != HOST:
            return really(host, *rest, **more)
        if not hosts.exists():
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return really("127.0.0.1", *rest, **more)

    socket.getaddrinfo = look_up
