"""Both databases at once: a run of its own for each, side by side, and one table and one summary of the two.

Most cases wait more than they compute. The second lane goes through the cases backwards, so that seldom the same case
runs in both, and what computes in one falls on what waits in the other.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from operations.processes import ROOT
from tests.faults.databases import KINDS

SUMMED = ("tries", "lost", "doubled_marketing", "unreported", "failed", "failures")


def run(arguments: Sequence[str], seed: int) -> dict[str, Any]:
    """Prints the lines of both lanes as they come; returns the sum of their summaries.

    Raises RuntimeError when a lane ended without one.
    """
    common = [sys.executable, "-m", "tests.faults", *arguments, "--seed", str(seed)]
    lanes = [
        subprocess.Popen(
            [*common, "--database", kind, *(["--backwards"] if number else [])],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, kind in enumerate(KINDS)
    ]
    with ThreadPoolExecutor(len(lanes)) as readers:
        try:
            summaries = list(readers.map(_follow, [lane.stdout for lane in lanes]))
        finally:  # what reads them ends when they do
            for lane in lanes:
                lane.terminate()
                lane.wait()
    return summaries[0] | {name: sum((each[name] for each in summaries[1:]), summaries[0][name]) for name in SUMMED}


def _follow(lines: IO[str] | None) -> dict[str, Any]:
    """Passes a lane's table on, without its head; returns its summary."""
    assert lines is not None
    summary = None
    for line in lines:
        if line.startswith("{"):
            summary = json.loads(line)
        elif not line.startswith(("seed ", "case ")):
            print(line, end="", flush=True)
    if summary is None:
        raise RuntimeError("a lane ended without a summary; its errors are above")
    return dict(summary)
