"""What the pipes carry: `make bench-messaging` measures ours and the plain way side by side, in one run.

Replies: updates a second from arrival to answer, with a stub understanding and with the real one. Outbox: a broadcast's
messages a second with the limiter off. Limited: the share of the allowed rate, and the most in any sliding second.
Planning: freezing a broadcast's recipients. The plain way is python-telegram-bot's own polling and handlers, and a loop
over Bot.send_message with and without AIORateLimiter. "Telegram" is the simulator, on the same machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import messaging_outbox
from bench.messaging_people import fill
from bench.messaging_replies import Way, known_people, measure
from bench.messaging_telegram import Telegram, bot_id_of
from bench.messaging_world import (
    FIRST_CHAT,
    PLAIN_CONCURRENT_TOKEN,
    PLAIN_TOKEN,
    SECRET,
    TOKEN,
    World,
    migrated,
    noon_zone,
    plain,
)
from bench.turns import MESSAGES
from crm.db import Database
from operations.processes import ROOT
from operations.sandbox import start

Table = dict[str, dict[str, Any]]
KINDS = ("postgresql", "sqlite")
SANDBOX_SECRET = "secret-of-the-sandbox"
START_S = 120.0


@dataclass(frozen=True)
class Size:
    """How much is measured. `real_chats`: with the real understanding; `limited_s`: how long a limited run lasts."""

    recipients: int
    messages: int
    chats: int
    real_chats: int
    rounds: int
    limited_s: float
    rates: tuple[int, ...]


FULL = Size(1_000_000, 5000, 400, 100, 5, 20.0, (25, 200))
SHORT = Size(20_000, 500, 50, 20, 1, 5.0, (25,))


def replies_of_the_stub(size: Size, kinds: list[str]) -> Table:
    """Part 1 with an understanding that costs nothing."""
    found: Table = {}
    for kind in kinds:
        with _world(kind, size.chats) as (world, _):
            bot = world.spawn("bot")
            with _plain_bots(world.telegram, world.stub_url, SECRET, range_of(size.chats), None) as ways:
                chats = range_of(size.chats)
                ours = Way(TOKEN, bot.pid)
                measured = measure(world.telegram, {"ours": ours, **ways}, chats, size.rounds, MESSAGES[:1])
            world.stop(bot)
        found |= {f"stub_{kind}_{name}": figures for name, figures in measured.items()}
    return found


def replies_of_the_real_one(size: Size) -> Table:
    """Part 1 with Rasa and the actions of a whole product, on its SQLite."""
    chats = range_of(size.real_chats)
    with tempfile.TemporaryDirectory(prefix="trian-b-") as folder:
        system = start(Path(folder), TRIAN_LOG_LEVEL="WARNING", TRIAN_SEND_RATE="0", TRIAN_TIMEZONE=noon_zone())
        telegram = Telegram(system.chat)
        try:
            telegram.open_chats(TOKEN, chats)
            people = Path(folder) / "people.json"
            known = known_people(system.database, PLAIN_TOKEN, chats)
            people.write_text(json.dumps(known), encoding="utf-8")
            understanding = system.environment["TRIAN_RASA_URL"]
            with _plain_bots(telegram, understanding, SANDBOX_SECRET, chats, people) as ways:
                ours = Way(TOKEN, system.pid("bot"))
                measured = measure(telegram, {"ours": ours, **ways}, chats, size.rounds, MESSAGES)
        finally:
            telegram.close()
            system.stop()
    return {f"real_{name}": figures for name, figures in measured.items()}


def outbox(size: Size, kinds: list[str]) -> Table:
    """Part 2: the limiter is off."""
    found: Table = {}
    for kind in kinds:
        with _world(kind, size.messages) as (world, server):
            for senders in (1, 2):
                name = f"{kind}_{senders}_sender{'s' if senders > 1 else ''}"
                found[name] = messaging_outbox.ours(world, server, size.messages, senders, 0)
            if kind == kinds[0]:
                found["plain_loop"] = messaging_outbox.plain_way(world, size.messages, 1, 0)
                together = messaging_outbox.PLAIN_TOGETHER
                found[f"plain_{together}_at_once"] = messaging_outbox.plain_way(world, size.messages, together, 0)
    return found


def limited(size: Size, kinds: list[str]) -> Table:
    """Part 3: the limiter is on."""
    found: Table = {}
    most = round(max(size.rates) * size.limited_s)
    for kind in kinds:
        with _world(kind, most) as (world, server):
            for rate in size.rates:
                count = round(rate * size.limited_s)
                for senders in (1, 2):
                    name = f"{kind}_{senders}_sender{'s' if senders > 1 else ''}_{rate}"
                    found[name] = messaging_outbox.ours(world, server, count, senders, rate)
                if kind == kinds[0]:
                    together = messaging_outbox.PLAIN_TOGETHER
                    found[f"plain_limiter_{rate}"] = messaging_outbox.plain_way(world, count, together, rate)
    return found


def planning(size: Size) -> Table:
    """Part 4, on PostgreSQL: a tenth of the recipients, then all, to show what grows with them."""
    found: Table = {}
    for count in (size.recipients // 10, size.recipients):
        with migrated("postgresql") as (url, _):
            database = Database(url)
            fill(database, bot_id_of(TOKEN), count)
            database.dispose()
            environment = {**os.environ, "TRIAN_SEND_RATE": "1000", "TRIAN_CANARY": "0", "TRIAN_TELEGRAM_TOKEN": ""}
            command = [sys.executable, "-m", "bench.messaging_planning", url]
            done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
            found[f"recipients_{count}"] = json.loads(done.stdout.splitlines()[-1])
    return found


def range_of(count: int) -> range:
    """The numbers of the first `count` chats."""
    return range(FIRST_CHAT, FIRST_CHAT + count)


@contextmanager
def _world(kind: str, people: int) -> Iterator[tuple[World, Any]]:
    with migrated(kind) as (url, server):
        world = World(kind, url, people)
        try:
            fill(world.database, bot_id_of(TOKEN), people)
            yield world, server
        finally:
            world.close()


@contextmanager
def _plain_bots(
    telegram: Telegram, understanding: str, secret: str, chats: range, people: Path | None
) -> Iterator[dict[str, Way]]:
    """Two plain bots at work: as python-telegram-bot has it by default, and with concurrent updates."""
    tokens = {"plain": PLAIN_TOKEN, "plain_concurrent": PLAIN_CONCURRENT_TOKEN}
    more = ["--understanding", understanding, "--secret", secret, *(["--people", str(people)] if people else [])]
    for token in tokens.values():
        telegram.call(token, "getMe")
        telegram.open_chats(token, chats)
    bots = {
        name: plain("answer", token, telegram, *more, *(["--concurrent"] if token == PLAIN_CONCURRENT_TOKEN else []))
        for name, token in tokens.items()
    }
    try:
        yield {name: Way(token, bots[name].pid) for name, token in tokens.items()}
    finally:
        for bot in bots.values():
            bot.terminate()
            bot.wait()


PARTS: dict[str, Callable[[Size, list[str]], Table]] = {
    "replies": replies_of_the_stub,
    "understanding": lambda size, _kinds: replies_of_the_real_one(size),
    "outbox": outbox,
    "limited": limited,
    "planning": lambda size, _kinds: planning(size),
}


def main() -> None:
    """Measures and prints."""
    chosen = _arguments()
    size = SHORT if chosen.short else FULL
    given = {name: value for name in ("recipients", "messages", "rounds") if (value := getattr(chosen, name))}
    size = Size(**{**vars(size), **given})
    result: dict[str, Any] = {}
    for part in chosen.parts:
        result[part] = PARTS[part](size, chosen.databases)
        _print(part, result[part])
    print(json.dumps({**result, "ratios": ratios(result), "size": vars(size)}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--short", action="store_true", help="little of everything, to see that it works")
    parser.add_argument("--databases", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--recipients", type=int, help=f"of the planned broadcast; {FULL.recipients}")
    parser.add_argument("--messages", type=int, help=f"of a broadcast with the limiter off; {FULL.messages}")
    parser.add_argument("--rounds", type=int, help=f"bursts of updates that each way answers; {FULL.rounds}")
    return parser.parse_args()


def ratios(result: Mapping[str, Table]) -> dict[str, float]:
    """Ours to the plain way's best, in the same run."""
    found: dict[str, float] = {}
    for part, key in (
        ("replies", "updates_a_second"),
        ("understanding", "updates_a_second"),
        ("outbox", "messages_a_second"),
    ):
        rows = result.get(part, {})
        best = max((row[key] for name, row in rows.items() if "plain" in name), default=0.0)
        found |= {
            f"{part}_{name}": round(row[key] / best, 2) for name, row in rows.items() if best and "plain" not in name
        }
    return found


def _print(part: str, table: Table) -> None:
    columns = list(dict.fromkeys(key for row in table.values() for key, value in row.items() if _is_plain(value)))
    print(f"\n{part:<32}" + "".join(f"{name:>{_width(name)}}" for name in columns))
    for name, row in table.items():
        print(f"{name:<32}" + "".join(f"{row.get(column, ''):>{_width(column)}}" for column in columns))
    for name, row in table.items():
        for key, value in row.items():
            if not _is_plain(value) and value:
                print(f"  {name}: {key} " + ", ".join(f"{each} {amount}" for each, amount in value.items()))
    sys.stdout.flush()


def _is_plain(value: object) -> bool:
    return not isinstance(value, dict)


def _width(column: str) -> int:
    return max(len(column) + 2, 12)


if __name__ == "__main__":
    main()
