"""Fault 32: the database stops, is locked, or finds its disk full, while people write and a broadcast goes out."""

import contextlib
import os
import random
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from crm.models.messaging import OutboxKind
from tests.faults.audience import gather, queue
from tests.faults.broadcast import WITHOUT_BRAKES, advertisements
from tests.faults.case import Tally, case
from tests.faults.crowd import Crowd
from tests.faults.rooms import Running
from tests.faults.telegram import wait_for_calls
from tests.faults.world import World

RATE = 25
LASTS_S = (6.0, 12.0)  # SQLite's own patience with a lock is 10 s
SETTLES_S = 1.0  # what was in flight when it began has arrived by then
FULL_AT_BYTES = 48 * 1024
RECOVERS_S = 120.0
Outage = Callable[[World], AbstractContextManager[None]]


@case(32, "the database stopped, locked, its disk full", tries=6, short=1)
def database_away(world: World, tries: int, dice: random.Random) -> Tally:
    """By turns, for some seconds. No process is started again by the case, but as the supervisor would."""
    tally = Tally(tries=tries)
    outages = _locked_or_full if world.kind == "sqlite" else _stopped_or_full
    audiences = [gather(world, RATE * 20, first=810_000_001 + 10_000 * number) for number in range(tries)]
    crowd = Crowd(world, 10)
    world.settings |= WITHOUT_BRAKES | {"TRIAN_SEND_RATE": str(RATE)}
    supervised = [world.start("bot")]
    for number, chats in enumerate(audiences):
        _one(world, tally, dice, outages(number), (crowd, chats, supervised))
    return tally


def _one(
    world: World, tally: Tally, dice: random.Random, outage: Outage, load: tuple[Crowd, list[int], list[Running]]
) -> None:
    crowd, chats, supervised = load
    mark, lasts_s = world.mark(), dice.uniform(*LASTS_S)
    queue(world, chats, OutboxKind.MARKETING, "[QC] Cuối tuần")
    wait_for_calls(world.telegram, mark.call, dice.randint(5, 30))
    crowd.write(10, dice)
    with outage(world):
        began, pending = time.time(), world.telegram.pending()
        crowd.write(10, dice)
        _pass(world, supervised, lasts_s)
        late = [call for call in advertisements(world, mark.call) if call["time"] > began + SETTLES_S]
        left = world.telegram.pending()
    name, confirmed = outage.__name__.strip("_"), pending + 10 - left
    tally.expect(left > 0, f"{name}: everything was stored, so the outage was none")
    tally.expect(len(late) <= RATE, f"{name}: {len(late)} advertisements went out while nothing could be recorded")
    tally.expect(confirmed <= pending, f"{name}: {confirmed - pending} updates confirmed that were not stored")
    tally.expect(world.reaches(lambda: _rests(world, supervised), 180), f"{name}: it did not go on by itself")
    crowd.judge(tally)


def _pass(world: World, supervised: list[Running], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        _supervise(world, supervised)
        time.sleep(0.2)


def _supervise(world: World, supervised: list[Running]) -> None:
    """What has died is started again."""
    for place, running in enumerate(supervised):
        if not running.alive:
            supervised[place] = world.start(running.name)


def _rests(world: World, supervised: list[Running]) -> bool:
    _supervise(world, supervised)
    return world.settle(1)


def _locked_or_full(number: int) -> Outage:
    return _disk_full if number % 2 else _locked


def _stopped_or_full(number: int) -> Outage:
    return _postgresql_full if number % 2 else _stopped


@contextmanager
def _locked(world: World) -> Iterator[None]:
    """Another program holds SQLite's one write lock."""
    other = sqlite3.connect(str(world.database.engine.url.database), isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def _disk_full(world: World) -> Iterator[None]:
    """No file of the bot's can grow: what SQLite then meets is what a full disk gives it."""
    bots = [running.pid for running in world.processes if running.name == "bot" and running.alive]
    _limit_files(bots, FULL_AT_BYTES)
    try:
        yield
    finally:
        _limit_files(bots, resource.RLIM_INFINITY)


@contextmanager
def _stopped(world: World) -> Iterator[None]:
    """The server ends at once, without writing down what it has in memory."""
    server = world.databases.server
    os.kill(server.get_pid(), signal.SIGQUIT)
    try:
        yield
    finally:
        _serves_again(world)


@contextmanager
def _postgresql_full(world: World) -> Iterator[None]:
    """The server's files cannot grow, its write-ahead log among them: it panics and cannot recover."""
    _limit_server(world, str(FULL_AT_BYTES))
    try:
        yield
    finally:
        _limit_server(world, "unlimited")
        _serves_again(world)


def _limit_server(world: World, size: str) -> None:
    """As the user the server runs under: nobody else may, not even root in a container."""
    user = world.databases.server.system_user
    for pid in _server_pids(world):
        command = ["prlimit", f"--pid={pid}", f"--fsize={size}:"]
        # One that has just ended is no matter: a successor inherits the limit of the first of them.
        subprocess.run(command, user=user, check=False, capture_output=True)


def _server_pids(world: World) -> list[int]:
    postmaster = world.databases.server.get_postmaster_info().process
    if not postmaster.is_running():
        return []
    return [postmaster.pid, *(child.pid for child in postmaster.children(recursive=True))]


def _limit_files(pids: list[int], size: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _serves_again(world: World) -> None:
    """The server as its own supervisor would start it, on the same socket; its recovery may take a while."""
    server, url = world.databases.server, world.databases.server.get_uri()
    world.reaches(lambda: not _server_pids(world) or _answers(world), 10)
    with contextlib.suppress(subprocess.SubprocessError):  # it waits ten seconds for the recovery, we wait longer
        server.ensure_postgres_running()
    world.wait(lambda: _answers(world), RECOVERS_S, "PostgreSQL serves again")
    server.ensure_postgres_running()
    assert server.get_uri() == url


def _answers(world: World) -> bool:
    world.database.dispose()
    try:
        with world.database.read() as session:
            session.connection().exec_driver_sql("SELECT 1")
    except Exception:
        return False
    return True
