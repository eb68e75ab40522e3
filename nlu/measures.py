"""What a set of guesses is worth: accuracy, macro F1, calibration, rejection, and a table of the intents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

OUT_OF_SCOPE = "out_of_scope"
_BINS = 10


@dataclass
class Guesses:
    """Predictions for unseen messages: true and guessed intent, the guess's probability, and whether it is rejected.

    `guess` is the intent the classifier names; `rejected` says that the fallback takes over from it.
    """

    truth: list[str]
    guess: list[str]
    confidence: NDArray[np.float64]
    rejected: NDArray[np.bool_]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each guess is right."""
        return np.array([truth == guess for truth, guess in zip(self.truth, self.guess, strict=True)])


def joined(parts: list[Guesses]) -> Guesses:
    """Several sets of guesses as one."""
    return Guesses(
        [truth for part in parts for truth in part.truth],
        [best for part in parts for best in part.guess],
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.rejected for part in parts]),
    )


def figures(guesses: Guesses) -> dict[str, float]:
    """Shares from 0 to 1.

    accuracy, macro_f1 and ece judge the intent that the classifier names; fallback_rate is the share it is not sure
    enough of, right_when_answered the accuracy of the rest. out_of_scope_recall is the share of what is out of scope
    that is named so or falls back; false_rejection the share of what is in scope to which the same happens.
    """
    right, answered = guesses.right, ~guesses.rejected
    turned_away = guesses.rejected | np.array([guess == OUT_OF_SCOPE for guess in guesses.guess])
    outside = np.array([truth == OUT_OF_SCOPE for truth in guesses.truth])
    named = sorted(set(guesses.truth))
    return {
        "accuracy": _share(right),
        "macro_f1": round(float(f1_score(guesses.truth, guesses.guess, labels=named, average="macro")), 4),
        "ece": round(calibration_error(guesses.confidence, right), 4),
        "fallback_rate": _share(guesses.rejected),
        "right_when_answered": _share(right[answered]),
        "out_of_scope_recall": _share(turned_away[outside]),
        "false_rejection": _share(turned_away[~outside]),
    }


def _share(flags: NDArray[np.bool_]) -> float:
    return round(float(flags.mean()), 4) if flags.size else 0.0


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error: the gap between confidence and accuracy, weighted over ten equal-width bins."""
    places = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(confidence[places == i].mean() - right[places == i].mean()) * (places == i).mean()
        for i in range(_BINS)
        if (places == i).any()
    ]
    return float(sum(gaps))


def by_label(guesses: Guesses) -> dict[str, dict[str, Any]]:
    """For each true label: rows, precision, recall, and the intents it is taken for, most often first."""
    guessed = Counter(guesses.guess)
    table = {}
    for label in sorted(set(guesses.truth)):
        taken = Counter(g for t, g in zip(guesses.truth, guesses.guess, strict=True) if t == label)
        table[label] = {
            "rows": sum(taken.values()),
            "precision": round(taken[label] / guessed[label], 4) if guessed[label] else 0.0,
            "recall": round(taken[label] / sum(taken.values()), 4),
            "taken_for": {name: count for name, count in taken.most_common() if name != label},
        }
    return table


def print_labels(guesses: Guesses, most: int = 4) -> None:
    """The table of `by_label` for people."""
    print(f"{'label':<20}{'rows':>6}{'precision':>11}{'recall':>9}   most often taken for")
    for label, row in by_label(guesses).items():
        wrong = ", ".join(f"{name} {count}" for name, count in list(row["taken_for"].items())[:most])
        print(f"{label:<20}{row['rows']:>6}{row['precision']:>11.3f}{row['recall']:>9.3f}   {wrong}")


def print_figures(rows: dict[str, dict[str, float]]) -> None:
    """One line of figures for each title."""
    names = list(next(iter(rows.values())))
    print("\n" + f"{'':<20}" + "".join(f"{name:>21}" for name in names))
    for title, row in rows.items():
        print(f"{title:<20}" + "".join(f"{row[name]:>21.4f}" for name in names))
