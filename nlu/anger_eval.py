"""Figures of the anger score: `python -m nlu.anger_eval [--file data/nlu_test/anger.jsonl]`; the last line is JSON.

Rows are {"text", "anger": 0 calm | 1 annoyed | 2 angry}. `angry` is what raises a complaint's severity: its precision
and recall count; `stirred` are levels 1 and 2 together.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np

from nlu.anger import default_meter, level
from nlu.normalisation import strip_accents


def precision_recall(truth: list[bool], guess: list[bool]) -> tuple[float, float]:
    """Of what was said to be so, how much is; of what is so, how much was said."""
    right = sum(t and g for t, g in zip(truth, guess, strict=True))
    return round(right / max(1, sum(guess)), 4), round(right / max(1, sum(truth)), 4)


def figures(texts: list[str], truth: list[int]) -> dict[str, float]:
    """Accuracy over the three levels; precision and recall of level 2, and of levels 1 and 2 together."""
    guess = [level(default_meter().score(text)) for text in texts]
    angry = precision_recall([t == 2 for t in truth], [g == 2 for g in guess])
    stirred = precision_recall([t > 0 for t in truth], [g > 0 for g in guess])
    return {
        "accuracy": round(sum(t == g for t, g in zip(truth, guess, strict=True)) / len(truth), 4),
        "angry_precision": angry[0],
        "angry_recall": angry[1],
        "stirred_precision": stirred[0],
        "stirred_recall": stirred[1],
    }


def main() -> None:
    """Print the misread rows, the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=Path("data/nlu_test/anger.jsonl"))
    rows = [json.loads(line) for line in parser.parse_args().file.read_text(encoding="utf-8").splitlines() if line]
    texts, truth = [str(row["text"]) for row in rows], [int(row["anger"]) for row in rows]
    durations = []
    for text, wanted in zip(texts, truth, strict=True):
        started = time.perf_counter()
        score = default_meter().score(text)
        durations.append((time.perf_counter() - started) * 1000)
        if level(score) != wanted:
            print(f"{wanted} read as {level(score)} ({score:.2f}): {text}")
    summary = {"rows": len(rows), "by_level": dict(Counter(map(str, truth)))} | figures(texts, truth)
    bare = figures([strip_accents(text) for text in texts], truth)
    summary |= {f"{name}_no_accents": value for name, value in bare.items()}
    summary["p50_ms"] = round(float(np.percentile(durations, 50)), 4)
    print(f"\n{'':24}{'as typed':>10}{'stripped':>10}")
    for name, value in bare.items():
        print(f"{name:24}{summary[name]:10.3f}{value:10.3f}")
    print(json.dumps(summary, ensure_ascii=False))


if __name__ == "__main__":
    main()
