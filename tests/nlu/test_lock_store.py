"""Locks against a real Redis: one holder, wherever it runs, and errors instead of silence when Redis is gone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rasa.core.lock_store import LockError
from rasa.utils.endpoints import EndpointConfig
from redis_server import RedisServer

from nlu import lock_store
from nlu.lock_store import TrianLockStore


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


def store(url: str) -> TrianLockStore:
    return TrianLockStore(endpoint_config=EndpointConfig(url, key_prefix="here:", socket_timeout=0.5))


async def hold(locks: TrianLockStore, conversation: str, seen: list[str], name: str) -> None:
    async with locks.lock(conversation):
        seen.append(f"{name} in")
        await asyncio.sleep(0.2)
        seen.append(f"{name} out")


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_one_turn_of_a_conversation_at_a_time(server: RedisServer, kind: str) -> None:
    async def script() -> tuple[list[str], list[str]]:
        one = store(server.url if kind == "redis" else "")
        two = store(server.url) if kind == "redis" else one
        same: list[str] = []
        other: list[str] = []
        await asyncio.gather(hold(one, "a", same, "1"), hold(two, "a", same, "2"))
        await asyncio.gather(hold(one, "a", other, "1"), hold(two, "b", other, "2"))
        return same, other

    same, other = asyncio.run(script())
    assert same in (["1 in", "1 out", "2 in", "2 out"], ["2 in", "2 out", "1 in", "1 out"])
    assert [step.split()[1] for step in other] == ["in", "in", "out", "out"]


def test_it_uses_the_urls_database_and_its_prefix_and_leaves_nothing(server: RedisServer) -> None:
    client = redis.Redis.from_url(server.url)

    async def script() -> list[bytes]:
        async with store(server.url).lock("a"):
            return list(client.keys("*"))

    assert asyncio.run(script()) == [b"here:a"]
    assert client.keys("*") == []


def test_a_turn_longer_than_the_lifetime_keeps_its_lock(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_store, "LIFETIME_S", 0.6)
    monkeypatch.setattr(lock_store, "RENEW_S", 0.1)
    monkeypatch.setattr(lock_store, "WAIT_S", 1.2)

    async def script() -> None:
        async with store(server.url).lock("a"):
            with pytest.raises(LockError, match="held"):
                await hold(store(server.url), "a", [], "2")

    asyncio.run(script())


def test_the_lock_of_a_holder_that_died_lapses(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_store, "LIFETIME_S", 0.5)
    redis.Redis.from_url(server.url).set("here:a", "whoever that was", px=500)
    seen: list[str] = []
    asyncio.run(hold(store(server.url), "a", seen, "1"))
    assert seen == ["1 in", "1 out"]


def test_without_redis_there_is_an_error_and_with_it_again_a_lock(server: RedisServer) -> None:
    async def script() -> list[str]:
        locks, seen = store(server.url), []
        await hold(locks, "a", seen, "1")
        server.kill()
        with pytest.raises(LockError, match="does not answer"):
            await hold(locks, "a", seen, "2")
        server.start()
        await hold(locks, "a", seen, "3")
        return seen

    assert asyncio.run(script()) == ["1 in", "1 out", "3 in", "3 out"]


def test_a_turn_goes_on_when_redis_goes_down_under_it(server: RedisServer) -> None:
    async def script() -> list[str]:
        locks, seen = store(server.url), []
        async with locks.lock("a"):
            server.kill()
            seen.append("stored")
        return seen

    assert asyncio.run(script()) == ["stored"]


def test_a_redis_that_hangs_is_an_error_too(server: RedisServer) -> None:
    assert server._process is not None
    os.kill(server._process.pid, signal.SIGSTOP)

    async def script() -> None:
        with pytest.raises(LockError, match="does not answer"):
            await hold(store(server.url), "a", [], "1")

    asyncio.run(script())


def test_renewing_ends_with_the_turn_even_if_its_cancellation_is_swallowed(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_store, "RENEW_S", 0.05)

    async def script() -> None:
        locks = store(server.url)
        assert locks._redis is not None
        held = locks._redis.lock("here:a", 5, thread_local=False)
        await held.acquire()
        renewing = asyncio.create_task(lock_store._renew(held))
        await held.release()
        await asyncio.wait_for(renewing, 5)

    asyncio.run(script())
