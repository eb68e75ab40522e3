"""What one message costs: `make bench-turns` serves our configuration and Rasa's stock one side by side.

Both products run whole (bot, Rasa, actions, scheduler, console, simulator) and are measured in turn, round by round,
with the same messages: one customer at a time, then twenty at once. A latency is the time from the moment the
customer's message is with "Telegram" until "Telegram" has accepted the first message of the reply.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.processes import resident_mb
from bench.stock_model import FOLDER, train_stock
from operations.sandbox import Sandbox, start

MESSAGES = (
    "chào shop",
    "shop mở cửa mấy giờ vậy ạ",
    "may giat khong vat thi lam sao",
    "cảm ơn nha",
    "bên mình giao hàng mất mấy ngày",
    "noi com dien gia bao nhieu",
    "tạm biệt",
)
TOGETHER = 20
FIRST_CHAT = 500_000
REPLY_TIMEOUT_S = 30.0
CHAT_PAUSE_S = 1.2


def measure(system: Sandbox, chats: int, rounds: int, first_chat: int) -> list[float]:
    """Latencies in milliseconds of `rounds` messages of each of `chats` customers who write at the same time."""
    everyone = range(first_chat, first_chat + chats)
    for chat in everyone:
        system.control("users", {"id": chat, "first_name": "Hạnh"})
    together = threading.Barrier(chats)
    with ThreadPoolExecutor(chats) as pool:
        found = pool.map(lambda chat: _customer(system, chat, rounds, together), everyone)
        return [latency for latencies in found for latency in latencies]


def _customer(system: Sandbox, chat: int, rounds: int, together: threading.Barrier) -> list[float]:
    _say(system, chat, "/start")  # the first answer also introduces the assistant: not measured
    time.sleep(CHAT_PAUSE_S * 3)
    latencies = []
    for number in range(rounds):
        together.wait(REPLY_TIMEOUT_S)
        latencies.append(_say(system, chat, MESSAGES[number % len(MESSAGES)]))
        time.sleep(CHAT_PAUSE_S)
    return latencies


def _say(system: Sandbox, chat: int, text: str) -> float:
    """Milliseconds until the first message of the reply. Raises TimeoutError without one."""
    last = system.control("accepted")["last"]
    began = time.monotonic()
    sent = system.control(f"chats/{chat}/messages", {"text": text})
    said = system.control(f"chats/{chat}/messages?after={sent['message_id']}&wait_s={REPLY_TIMEOUT_S}&from_bot=true")
    if not said:
        raise TimeoutError(f"no reply to {text!r} within {REPLY_TIMEOUT_S} s")
    calls = system.control(f"accepted?since={last}&method=sendMessage")["accepted"]
    first = next(call for call in calls if call["message_id"] == said[0]["message_id"])
    return float(first["monotonic"] - began) * 1000


def row(latencies: list[float]) -> dict[str, float]:
    """Median, 95th percentile and spread of latencies in milliseconds."""
    cuts = statistics.quantiles(latencies, n=20, method="inclusive")
    return {
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(cuts[18], 1),
        "min_ms": round(min(latencies), 1),
        "max_ms": round(max(latencies), 1),
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="how often each product is measured, in turn")
    parser.add_argument("--messages", type=int, default=7, help="messages of one customer in each round")
    parser.add_argument("--stock-epochs", type=int, default=5, help="training epochs of the stock model (Rasa: 100)")
    chosen = parser.parse_args()
    stock_models = train_stock(FOLDER, chosen.stock_epochs)
    with tempfile.TemporaryDirectory(prefix="trian-b-") as folder:
        ours = start(Path(folder) / "ours", TRIAN_LOG_LEVEL="WARNING")
        stock = start(Path(folder) / "stock", TRIAN_LOG_LEVEL="WARNING", TRIAN_MODELS_DIR=str(stock_models))
        try:
            result = _compare({"ours": ours, "stock": stock}, chosen.rounds, chosen.messages)
        finally:
            ours.stop()
            stock.stop()
    print(json.dumps(result))


def _compare(systems: dict[str, Sandbox], rounds: int, messages: int) -> dict[str, object]:
    memory = {name: resident_mb(system) for name, system in systems.items()}
    latencies: dict[tuple[str, int], list[float]] = {}
    for turn in range(rounds):
        for name, system in systems.items():
            for chats in (1, TOGETHER):
                first = FIRST_CHAT + turn * 1000 + chats
                latencies.setdefault((name, chats), []).extend(measure(system, chats, messages, first))
    rows = {f"{name}_{chats}": row(found) for (name, chats), found in latencies.items()}
    ratios = {
        f"p50_ratio_{c}": round(rows[f"stock_{c}"]["p50_ms"] / rows[f"ours_{c}"]["p50_ms"], 2) for c in (1, TOGETHER)
    }
    _print(rows, memory)
    return {**rows, **ratios, "memory_mb": memory, "rounds": rounds, "messages": messages}


def _print(rows: dict[str, dict[str, float]], memory: dict[str, dict[str, float]]) -> None:
    print(f"{'customers at once':<24}{'p50 ms':>10}{'p95 ms':>10}{'min ms':>10}{'max ms':>10}")
    for name, figures in rows.items():
        print(f"{name:<24}" + "".join(f"{figures[key]:>10}" for key in ("p50_ms", "p95_ms", "min_ms", "max_ms")))
    for name, processes in memory.items():
        print(f"memory at rest, {name}: " + ", ".join(f"{process} {mb:.0f} MB" for process, mb in processes.items()))


if __name__ == "__main__":
    main()
