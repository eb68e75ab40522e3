"""The supervisor: writes supervisord's configuration and waits until every process serves."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from crm import health
from crm.db import database
from crm.settings import Settings
from operations.processes import ROOT, Process

STOP_WAIT_S = 15
SOCKET_BYTES = 107
SOCKET_SUFFIX = 12  # supervisord first binds to the path with its process id behind
_HEAD = """\
[supervisord]
nodaemon=true
silent=true
loglevel=warn
directory={root}
logfile={log}/supervisord.log
pidfile={var}/supervisord.pid
childlogdir={log}
environment={environment}

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{socket}
"""
_PROGRAM = """
[program:{name}]
command={command}
autorestart=true
startsecs=1
startretries=1000000
stopsignal=TERM
stopwaitsecs={stop_wait}
killasgroup=true
stopasgroup=false
redirect_stderr=true
stdout_logfile={log}/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def write_configuration(settings: Settings, processes: list[Process]) -> Path:
    """Writes var/supervisord.conf. Whatever dies is started again, with supervisord's growing pause."""
    var = settings.var_dir.resolve()
    log = var / "log"
    log.mkdir(parents=True, exist_ok=True)
    text = _HEAD.format(root=ROOT, var=var, log=log, socket=_socket(var), environment=_environment(settings))
    for process in processes:
        command = " ".join(_quoted(part) for part in process.command)
        text += _PROGRAM.format(name=process.name, command=command, log=log, stop_wait=STOP_WAIT_S)
    path = var / "supervisord.conf"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def _socket(var: Path) -> Path:
    """Where supervisorctl finds supervisord: a Unix socket's path may hold 107 bytes, and a checkout may lie deep."""
    path = var / "supervisor.sock"
    if len(str(path).encode()) + SOCKET_SUFFIX <= SOCKET_BYTES:
        return path
    return Path(tempfile.gettempdir()) / f"trian-{hashlib.sha256(str(var).encode()).hexdigest()[:16]}.sock"


def _environment(settings: Settings) -> str:
    """What the processes that do not read our settings (Rasa's) need to know, in supervisord's own syntax."""
    values = {
        "TRIAN_SHARED_SECRET": settings.secret,
        "TRIAN_ACTIONS_URL": settings.actions_url,
        "TRIAN_TRACKER_URL": settings.tracker_url,
        "TRIAN_LOCK_URL": settings.lock_url,
        "PYTHONUNBUFFERED": "1",
    }
    return ",".join(f'{name}="{value.replace("%", "%%")}"' for name, value in values.items())


def _quoted(part: str) -> str:
    return '"' + part.replace("%", "%%") + '"'


def start(configuration: Path) -> subprocess.Popen[bytes]:
    """Starts supervisord in the foreground of this terminal: Ctrl-C reaches it too, and it stops its processes."""
    supervisord = Path(sys.executable).with_name("supervisord")
    return subprocess.Popen([str(supervisord), "-c", str(configuration)], cwd=ROOT, env=os.environ)


def wait_until_serving(
    settings: Settings, processes: list[Process], timeout_s: float, alive: Callable[[], bool]
) -> Iterator[Process]:
    """Yields each process as it begins to serve. Raises TimeoutError naming those that did not within `timeout_s`."""
    started = time.monotonic()
    waiting = list(processes)
    while waiting:
        for process in [p for p in waiting if _serves(settings, p, time.monotonic() - started)]:
            waiting.remove(process)
            yield process
        if not alive() or time.monotonic() - started > timeout_s:
            names = ", ".join(process.name for process in waiting)
            if waiting:
                raise TimeoutError(f"not serving: {names}; read {settings.var_dir}/log/")
        time.sleep(0.2)


def _serves(settings: Settings, process: Process, since_s: float) -> bool:
    if process.url is None:
        return _shows_life(settings, process.name, since_s)
    try:
        return httpx.get(process.url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _shows_life(settings: Settings, name: str, since_s: float) -> bool:
    with database(settings.database_url).read() as session:
        return any(sign.process == name and sign.age_s < since_s for sign in health.signs(session))
