"""How fast messages are answered: from their arrival at "Telegram" until it has accepted the first reply message."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.messaging_telegram import Taken, Telegram, bot_id_of
from bench.messaging_world import processor_s
from crm import customers
from crm.customers import Caller
from crm.db import Database

ROUND_S = 120.0
CHAT_PAUSE_S = 1.5  # two messages to a chat have more than a second between them: not what is measured here
GREETING = "chào shop"


@dataclass(frozen=True)
class Way:
    """A bot that runs: its token, and the number of its process."""

    token: str
    pid: int


def measure(
    telegram: Telegram, ways: Mapping[str, Way], chats: Sequence[int], rounds: int, words: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Bursts of one message of each of `chats`, answered by each way in turn, round by round.

    Args:
        ways: whose chats are all open.

    Returns:
        By way: updates answered a second (the median of the rounds), how long a customer waited in such a burst, and
        the processor time of the bot process alone for each update.
    """
    for way in ways.values():
        _burst(telegram, way.token, dict.fromkeys(chats, GREETING))  # the first answer is longer: it is not measured
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    waits: dict[str, list[float]] = {name: [] for name in ways}
    spent_s = dict.fromkeys(ways, 0.0)
    for number in range(rounds):
        said = {chat: words[(chat + number) % len(words)] for chat in chats}
        for name, way in ways.items():
            time.sleep(CHAT_PAUSE_S)
            before_s = processor_s(way.pid)
            found = _burst(telegram, way.token, said)
            spent_s[name] += processor_s(way.pid) - before_s
            speeds[name].append(len(found) / max(found))
            waits[name] += found
    asked = rounds * len(chats)
    return {
        name: _figures(speeds[name], waits[name], asked) | {"bot_processor_ms": round(1000 * spent_s[name] / asked, 2)}
        for name in ways
    }


def _burst(telegram: Telegram, token: str, said: dict[int, str]) -> list[float]:
    """Seconds until the first answer in each chat that got one. Raises TimeoutError when there is none at all."""
    since, began = telegram.last(), time.monotonic()
    telegram.write(token, said)
    first = _first_of_each(telegram.wait(since, token, len(said), ROUND_S))
    if not first:
        raise TimeoutError(f"bot {bot_id_of(token)} answered nobody within {ROUND_S:.0f} s")
    return [at - began for at in first.values()]


def _first_of_each(taken: Sequence[Taken]) -> dict[int, float]:
    return {each.chat_id: each.at for each in reversed(taken)}


def _figures(speeds: list[float], waits: list[float], asked: int) -> dict[str, Any]:
    cuts = statistics.quantiles(waits, n=20, method="inclusive")
    return {
        "updates_a_second": round(statistics.median(speeds), 1),
        "slowest_round": round(min(speeds), 1),
        "fastest_round": round(max(speeds), 1),
        "p50_ms": round(1000 * statistics.median(waits), 1),
        "p95_ms": round(1000 * cuts[18], 1),
        "unanswered": asked - len(waits),
    }


def known_people(database: Database, token: str, chats: Sequence[int]) -> dict[str, dict[str, Any]]:
    """What our bot would tell the understanding of each chat; the customers are made. For a bot that keeps none."""
    with database.begin() as session:
        talks = [customers.meet(session, Caller(bot_id_of(token), chat, "Hạnh")) for chat in chats]
        return {
            str(chat): {
                "conversation_id": f"account-{talk.account_id}",
                "slots": {**customers.words_for(talk.customer)},
                "metadata": {
                    "customer_id": talk.customer_id,
                    "conversation_id": talk.id,
                    "account_id": talk.account_id,
                },
            }
            for chat, talk in zip(chats, talks, strict=True)
        }
