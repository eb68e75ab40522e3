"""What the console costs at size: `make bench-console` with 200,000 customers, 2,000,000 messages and 50,000 cases.

Twenty people of the staff are logged in and open pages, a pause between two, for as long as --minutes says; a real
Chromium has one conversation open, in which customers write. A page's time is from the request to the last byte, on
loopback: somewhat more than the server's own. PostgreSQL, console, Chromium and the twenty share one machine.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Page, async_playwright

from bench.console_desk import Desk, customer_writes, opened, staff_names
from bench.console_world import Size, fill
from bench.messaging_world import migrated
from crm.db import Database

PAUSE_S = 10.0
WRITES_EVERY_S = 3.0
SAMPLE_S = 5.0
WORDS = ("ro nuoc", "máy giặt", "Nguyễn Thị Lan", "KN-2026-000125", "giao chậm hai ngày", "bao loi E4")
SMALL = Size(customers=4_000, messages=40_000, complaints=1_000, calls=1_200, open_calls=100, staff=5)


def paths(dice: random.Random, size: Size) -> tuple[str, str]:
    """What somebody does next: (name in the table, path)."""
    word = dice.choice(WORDS)
    return dice.choice(
        [
            ("inbox", "/inbox"),
            ("inbox", "/inbox?queue=all"),
            ("conversation", f"/conversations/{dice.randint(1, size.open_calls)}"),
            ("conversation", f"/conversations/{dice.randint(1, size.customers)}"),
            ("search", f"/inbox?q={word}"),
            ("cases", "/complaints"),
            ("case_search", f"/complaints?q={word}"),
        ]
    )


async def work(
    client: httpx.AsyncClient,
    size: Size,
    dice: random.Random,
    until: float,
    times: dict[str, list[float]],
    pause_s: float,
) -> None:
    """One person's day: a page, a pause of half to one and a half times `pause_s`, the next page."""
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0.5, 1.5) * pause_s)
        name, path = paths(dice, size)
        began = time.perf_counter()
        answer = await client.get(path)
        times[name].append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")


async def watch(page: Page, database: Database, conversation: int, until: float, times: list[float]) -> None:
    """A customer writes again and again; how long until it stands on the agent's screen."""
    number = 0
    while time.monotonic() < until:
        await asyncio.sleep(WRITES_EVERY_S)
        number += 1
        words = f"tin thứ {number} lúc {time.time():.3f}"
        began = time.perf_counter()
        await asyncio.to_thread(customer_writes, database, conversation, words)
        await page.get_by_text(words).first.wait_for(timeout=30_000)
        times.append((time.perf_counter() - began) * 1000)


async def weigh(desk: Desk, until: float, samples: list[int]) -> None:
    """The console's resident memory, again and again."""
    while time.monotonic() < until:
        samples.append(desk.resident_kb())
        await asyncio.sleep(SAMPLE_S)


async def measure(
    desk: Desk, database: Database, size: Size, minutes: float, pause_s: float, seed: int
) -> dict[str, Any]:
    """Everything at once, for `minutes`; returns the raw figures."""
    times: dict[str, list[float]] = defaultdict(list)
    seen: list[float] = []
    memory: list[int] = []
    async with async_playwright() as playwright:
        page = await opened(playwright, desk, conversation=1)
        clients = [await desk.log_in(name) for name in staff_names(size)]
        until = time.monotonic() + minutes * 60
        people = [
            work(client, size, random.Random(seed + number), until, times, pause_s)
            for number, client in enumerate(clients)
        ]
        await asyncio.gather(*people, watch(page, database, 1, until, seen), weigh(desk, until, memory))
        for client in clients:
            await client.aclose()
    return {"times": dict(times), "seen": seen, "memory": memory}


def summary(found: dict[str, Any], size: Size, minutes: float) -> dict[str, Any]:
    """The JSON line: percentiles of each kind of page, the way to the screen, and how memory went."""
    result: dict[str, Any] = {"customers": size.customers, "messages": size.messages, "complaints": size.complaints}
    result |= {"staff": size.staff, "minutes": minutes}
    rows = {**found["times"], "message_on_screen": found["seen"]}
    for name, values in sorted(rows.items()):
        result[f"{name}_tries"] = len(values)
        result[f"{name}_p50_ms"] = round(_percentile(values, 50), 1)
        result[f"{name}_p95_ms"] = round(_percentile(values, 95), 1)
        result[f"{name}_max_ms"] = round(max(values), 1)
    # The first minutes fill caches: the second quarter is compared with the last.
    memory = found["memory"]
    quarter = max(1, len(memory) // 4)
    early, late = statistics.median(memory[quarter : 2 * quarter] or memory), statistics.median(memory[-quarter:])
    return {**result, "memory_mb": round(late / 1024, 1), "memory_late_to_early": round(late / early, 3)}


def _percentile(values: list[float], share: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]


def show(result: dict[str, Any]) -> None:
    """The table for people."""
    print(f"{'':<20}{'tries':>7}{'p50 ms':>10}{'p95 ms':>10}{'max ms':>10}")
    for name in [key.removesuffix("_tries") for key in result if key.endswith("_tries")]:
        figures = "".join(f"{result[f'{name}_{what}_ms']:>10.1f}" for what in ("p50", "p95", "max"))
        print(f"{name.replace('_', ' '):<20}{result[f'{name}_tries']:>7}{figures}")
    print(f"console: {result['memory_mb']} MB, late to early {result['memory_late_to_early']}")


def main() -> None:
    """Fills the database, runs, prints the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long; memory is judged over it")
    parser.add_argument("--pause", type=float, default=PAUSE_S, help="seconds between two pages of a person")
    parser.add_argument("--small", action="store_true", help="a small shop, to try the bench itself")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    size = SMALL if arguments.small else Size()
    with migrated("postgresql") as (url, _server), tempfile.TemporaryDirectory() as var:
        database = Database(url)
        began = time.perf_counter()
        with Desk.running(url, Path(var), database, size, lambda: fill(database.engine, size, Desk.bot_id())) as desk:
            print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
            found = asyncio.run(measure(desk, database, size, arguments.minutes, arguments.pause, arguments.seed))
        database.dispose()
    result = summary(found, size, arguments.minutes) | {"pause_s": arguments.pause}
    show(result)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
