"""What understanding costs: `make bench-nlu` trains, asks and serves our pipeline and Rasa's stock one, side by side.

Training is the wall time of the whole command. A message's cost is its way through the whole pipeline in one process,
one message after the other, rounds taken in turn. Memory is that of the serving Rasa process after it has answered.
"""

import argparse
import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench.processes import resident
from bench.stock_model import EPOCHS, model_in, train_stock
from operations.processes import NLU_PYTHON, ROOT

ROWS = ROOT / "data" / "nlu_test" / "messages.jsonl"
SECRET = "secret-of-the-bench"
START_TIMEOUT_S = 180.0
TURNS = 20


def train_ours(models: Path) -> Path:
    """Trains our model into `models`."""
    subprocess.run([str(NLU_PYTHON), "-m", "nlu.train", "--force", "--models", str(models)], cwd=ROOT, check=True)
    return models


def ask(folder: Path, rows: Path) -> dict[str, Any]:
    """The figures of `python -m nlu.evaluate` for the model of `folder`."""
    command = [str(NLU_PYTHON), "-m", "nlu.evaluate", "--model", str(model_in(folder)), "--file", str(rows)]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def served_mb(folder: Path) -> float:
    """Resident memory, in megabytes (10^6 bytes), of the Rasa process that serves the model, after some turns."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as var:
        environment = {**os.environ, "TRIAN_SHARED_SECRET": SECRET, "TRIAN_TRACKER_URL": f"sqlite:///{var}/tracker.db"}
        command = [str(NLU_PYTHON), "-m", "nlu.serve", "--models", str(folder), "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _talk(f"http://127.0.0.1:{port}/webhooks/trian")
            return resident(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _talk(url: str) -> None:
    """Waits for the server, then has it understand some messages (the answers need no action server)."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            httpx.get(f"{url}/health", timeout=5).raise_for_status()
            break
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    for number in range(TURNS):
        body = {"conversation_id": "bench", "turn_id": f"bench-{number}", "text": "chào shop"}
        httpx.post(f"{url}/turn", json=body, headers={"X-Trian-Secret": SECRET}, timeout=30)


def measure(rows: Path, rounds: int, epochs: int, work: Path) -> dict[str, dict[str, Any]]:
    """Figures of both pipelines by name."""
    folders, result = {}, {}
    for name in ("ours", "stock"):
        began = time.perf_counter()
        folders[name] = train_ours(work / name) if name == "ours" else train_stock(work / name, epochs)
        result[name] = {"training_s": round(time.perf_counter() - began, 1)}
    asked: dict[str, list[dict[str, Any]]] = {name: [] for name in folders}
    for _ in range(rounds):
        for name, folder in folders.items():
            asked[name].append(ask(folder, rows))
    for name, folder in folders.items():
        medians = sorted(found["p50_ms"] for found in asked[name])
        kept = {key: asked[name][0][key] for key in ("accuracy", "macro_f1", "accuracy_no_accents")}
        result[name] |= kept | {
            "p50_ms": medians[len(medians) // 2],
            "p50_min_ms": medians[0],
            "p50_max_ms": medians[-1],
            "p95_ms": sorted(found["p95_ms"] for found in asked[name])[len(medians) // 2],
            "served_mb": round(served_mb(folder), 1),
        }
    return result


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stock-epochs", type=int, default=EPOCHS, help="Rasa's own: 100, which takes hours")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trian-b-") as work:
        result = measure(chosen.file.resolve(), chosen.rounds, chosen.stock_epochs, Path(work))
    ours, stock = result["ours"], result["stock"]
    print(f"{'':<22}{'ours':>12}{'stock':>12}{'ours/stock':>12}")
    for key in ours:
        print(f"{key:<22}{ours[key]:>12}{stock[key]:>12}{ours[key] / stock[key]:>12.3f}")
    ratios = {f"{key}_ratio": round(ours[key] / stock[key], 3) for key in ("training_s", "p50_ms", "served_mb")}
    print(json.dumps({**result, **ratios, "rounds": chosen.rounds, "stock_epochs": chosen.stock_epochs}))


if __name__ == "__main__":
    main()
