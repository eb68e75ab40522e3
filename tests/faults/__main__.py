"""`python -m tests.faults`: the faults of FAULTS.md against real processes, databases and the simulator.

Prints a line a case and database, and one JSON object as the last line; exits 1 when a case does not stand.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults import lanes
from tests.faults.case import CASES, Case, Tally, load
from tests.faults.databases import KINDS, Databases
from tests.faults.world import World

WIDTH = 46
SENTENCES = 6
SIDE_BY_SIDE = "--side-by-side"


def main() -> int:
    """Runs the chosen cases; returns the exit code."""
    chosen = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was started is ended
    print(f"seed {chosen.seed}", flush=True)
    head = f"{'case':<{WIDTH + 4}}{'database':<12}{'tries':>6}{'lost':>6}{'doubled':>9}{'unknown':>9}{'s':>8}  verdict"
    print(head, flush=True)
    began = time.monotonic()
    if chosen.side_by_side:
        arguments = [word for word in sys.argv[1:] if word != SIDE_BY_SIDE]
        summary = lanes.run(arguments, chosen.seed) | {"elapsed_s": round(time.monotonic() - began, 1)}
        print(json.dumps(summary, ensure_ascii=False))
        return 1 if summary["failed"] else 0
    total, numbers, failures = Tally(), [], 0
    with tempfile.TemporaryDirectory(prefix="trian-fault-") as folder:
        databases = Databases(Path(folder))
        try:
            for turn, case in _wanted(chosen):
                numbers.append(case.number)
                for kind in _kinds(case, chosen, turn):
                    tally = _run(case, kind, databases, chosen)
                    failures += bool(tally.failed)
                    total.add(tally)
        finally:
            databases.close()
    print(_summary(numbers, total, failures, chosen.seed, time.monotonic() - began))
    return 1 if total.failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--cases", help="numbers, as in 1,24; without it: all")
    parser.add_argument("--database", choices=[*KINDS, "both"], help="both is the default of a full round")
    parser.add_argument(
        "--short",
        action="store_true",
        help="a round of minutes: few tries, each case on one database in turn (with --database: whose turn it is)",
    )
    parser.add_argument("--seed", type=int, help="repeats the random moments of an earlier run")
    parser.add_argument("--tries", type=int, help="tries of every case, instead of its own number")
    parser.add_argument(SIDE_BY_SIDE, action="store_true", help="both databases at once, each in a process of its own")
    parser.add_argument("--backwards", action="store_true", help="the last case first")
    chosen = parser.parse_args()
    if chosen.side_by_side and chosen.database:
        parser.error(f"{SIDE_BY_SIDE} is for a run on both databases")
    if chosen.seed is None:
        chosen.seed = random.randrange(10**6)
    return chosen


def _wanted(chosen: argparse.Namespace) -> list[tuple[int, Case]]:
    """The cases, each with its turn, which is the same whichever comes first."""
    numbers = [int(word) for word in chosen.cases.split(",")] if chosen.cases else sorted(CASES)
    missing = [number for number in numbers if number not in CASES]
    if missing:
        sys.exit(f"no such case: {missing}; there are {sorted(CASES)}")
    cases = [CASES[number] for number in numbers if CASES[number].short or not chosen.short or chosen.cases]
    wanted = list(enumerate(cases))
    return wanted[::-1] if chosen.backwards else wanted


def _kinds(case: Case, chosen: argparse.Namespace, turn: int) -> list[str]:
    """The databases to run it on. A short round takes them in turn, others than the last time with another seed."""
    kinds = [case.short_on or KINDS[(chosen.seed + turn) % len(KINDS)]] if chosen.short else KINDS
    return [kind for kind in kinds if chosen.database in (None, "both", kind)]


def _run(case: Case, kind: str, databases: Databases, chosen: argparse.Namespace) -> Tally:
    tries = chosen.tries or (max(1, case.short) if chosen.short else case.tries)
    dice = random.Random(f"{chosen.seed}:{case.number}:{kind}")
    began = time.monotonic()
    tally = Tally()
    world = World(kind, databases.fresh(kind), databases)
    try:
        tally = case.run(world, tries, dice)
        tally.failed += world.deaths()
    except Exception as error:
        tally.failed.append(f"{type(error).__name__}: {error}")
        traceback.print_exc()
    finally:
        world.close(keep=bool(tally.failed))
    _print(case, kind, tally, time.monotonic() - began)
    tally.failed = [f"case {case.number} {kind}: {sentence}" for sentence in tally.failed]
    return tally


def _print(case: Case, kind: str, tally: Tally, seconds: float) -> None:
    verdict = "stands" if not tally.failed else f"FAILED ({len(tally.failed)})"
    counts = f"{tally.tries:>6}{tally.lost:>6}{tally.doubled:>9}{tally.unknown:>9}{seconds:>8.1f}"
    print(f"{case.number:>2}  {case.title[: WIDTH - 1]:<{WIDTH}}{kind:<12}{counts}  {verdict}", flush=True)
    for sentence in tally.failed[:SENTENCES]:
        print(f"      {sentence[:600]}", flush=True)


def _summary(numbers: list[int], total: Tally, failures: int, seed: int, elapsed_s: float) -> str:
    counts = {
        "cases": len(numbers),
        "tries": total.tries,
        "lost": total.lost,
        "doubled_marketing": total.doubled_marketing,
        "unreported": total.unreported,
        "failed": failures,
        "failures": total.failed,
        "seed": seed,
        "elapsed_s": round(elapsed_s, 1),
    }
    return json.dumps(counts, ensure_ascii=False)


if __name__ == "__main__":
    load()
    sys.exit(main())
