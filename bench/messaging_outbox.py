"""How fast a broadcast leaves: our senders beside a plain loop, with the limiter off and at a given rate."""

import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bench.messaging_people import WORDS, end, queue_broadcast, release
from bench.messaging_telegram import Taken, bot_id_of, most_in_a_second
from bench.messaging_world import FIRST_CHAT, TOKEN, PostgreSql, World, is_ready, last_line, plain, processor_s, wait
from crm import workers
from crm.db import Database

READY_S = 120.0
SETTLING_S = 1.0
PLAIN_TOGETHER = 64
SLOWEST = 20.0  # messages a second with the limiter off, below which a run is given up


def ours(world: World, server: PostgreSql | None, count: int, senders: int, rate: int) -> dict[str, Any]:
    """Sends a broadcast of `count` messages with so many bot processes. Args: rate: a second, 0: limiter off."""
    broadcast = queue_broadcast(world.database, count)
    bots = [world.spawn("bot", TRIAN_SEND_RATE=str(rate)) for _ in range(senders)]
    wait(lambda: _living(world.database) >= senders, READY_S, "the senders work")
    time.sleep(SETTLING_S)
    used = _Processor(world, server, bots)
    since = world.telegram.last()
    release(world.database, broadcast)
    taken = world.telegram.wait(since, TOKEN, count, _patience_s(count, rate))
    cost = used.ms_a_message(len(taken))
    world.stop(*bots)
    return figures(taken, count, rate) | cost | {"states": end(world.database, broadcast)}


def plain_way(world: World, count: int, together: int, rate: int) -> dict[str, Any]:
    """The same messages by Bot.send_message, so many calls at once. Args: rate: AIORateLimiter's, 0: without it."""
    since = world.telegram.last()
    more = ["--first-chat", str(FIRST_CHAT), "--count", str(count), "--text", WORDS]
    sender = plain("send", TOKEN, world.telegram, *more, "--together", str(together), "--rate", str(rate))
    is_ready(sender)
    used = _Processor(world, None, [sender])
    assert sender.stdin is not None
    sender.stdin.write(b"\n")
    sender.stdin.flush()
    taken = world.telegram.wait(since, TOKEN, count, _patience_s(count, rate))
    cost = used.ms_a_message(len(taken))
    ended: dict[str, Any] = last_line(sender)
    return figures(taken, count, rate) | cost | ended


def figures(taken: Sequence[Taken], count: int, rate: int) -> dict[str, Any]:
    """What Telegram saw. `share`: of the allowed rate, from the first message to the last."""
    chats = Counter(each.chat_id for each in taken)
    span_s = taken[-1].at - taken[0].at if len(taken) > 1 else 0.0
    speed = (len(taken) - 1) / span_s if span_s else 0.0
    found = {
        "messages": len(taken),
        "lost": count - len(chats),
        "doubled": sum(number - 1 for number in chats.values()),
        "span_s": round(span_s, 2),
        "messages_a_second": round(speed, 1),
        "most_in_a_second": most_in_a_second(taken),
    }
    return found | ({"allowed": rate, "share": round(speed / rate, 4)} if rate else {})


class _Processor:
    """Processor time from now on."""

    def __init__(self, world: World, server: PostgreSql | None, senders: Sequence["subprocess.Popen[bytes]"]) -> None:
        self._world, self._server, self._senders = world, server, senders
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        now = {
            "simulator": processor_s(self._world.simulator.pid),
            "senders": sum(processor_s(process.pid) for process in self._senders),
        }
        return now | ({"database": self._server.processor_s()} if self._server else {})

    def ms_a_message(self, messages: int) -> dict[str, Any]:
        """Milliseconds for each of so many messages, by who spent them."""
        after = self._now()
        spent = {who: 1000 * (after[who] - before) / max(messages, 1) for who, before in self._before.items()}
        return {"processor": {f"{who}_ms": round(value, 2) for who, value in spent.items()}}


def _living(database: Database) -> int:
    with database.read() as session:
        return len(workers.living(session, bot_id_of(TOKEN)))


def _patience_s(count: int, rate: int) -> float:
    return 30.0 + count / (rate * 0.5 if rate else SLOWEST)
