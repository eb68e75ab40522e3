"""`python -m bench.knowledge_fit`: learns the weights of crm/ranking.py again and shows what each threshold refuses.

Learnt from the articles' own `asked` questions, each asked of articles that lack it, and from
`bench/knowledge_development.jsonl`, each also without accents. Unanswerable are those of the file, questions whose
passage is taken away, and those asked while another product is talked about; short names of troubles are answerable.
The table is of the file's questions, left out of the learning (five folds); it is a little rosy: some synonyms of
`data/words/usage.yml` were written with them in view. What others see: `bench.knowledge_eval`. Takes minutes, most of
them for embedding.
"""

import argparse
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bench.knowledge_cases import Case, cases
from crm.ranking import doubts, shared_out

FOLDS = 5
PENALTY, DOUBT_PENALTY = 1.0, 0.3
STEPS = 40
REFUSED = 0.8  # of the file's unanswerable questions
RANKED = {"asked": 1.0, "echo": 0.3, "short": 2.0, "file": 5.0}
# Little of "gone" and "other": a section beside the one taken away, or of the other product, may answer as well.
DOUBTED = {"asked": 0.5, "echo": 0.3, "short": 3.0, "gone": 0.3, "other": 0.3, "file": 8.0}
Values = npt.NDArray[np.float64]


def ranked(some: Sequence[Case]) -> Values:
    """Weights by which the right candidate is the likeliest (softmax over each question's), by Newton's method."""
    known = [(RANKED[c.kind], c.found.values, c.right) for c in some if c.kind in RANKED and c.right.any()]
    size = known[0][1].shape[1]
    weights = np.zeros(size)
    for _ in range(STEPS):
        slope, curve = -PENALTY * weights, PENALTY * np.eye(size)
        for counts, x, right in known:
            share = shared_out(x @ weights)
            target = share * right / (share @ right + 1e-12)
            apart = x - share @ x
            slope += counts * ((target - share) @ x)
            curve += counts * ((apart * share[:, None]).T @ apart)
        weights += np.clip(np.linalg.solve(curve, slope), -3, 3)
    return weights


def doubted(some: Sequence[Case], weights: Values) -> Values:
    """Weights of the logistic regression that says whether a question is answered."""
    x = np.array([doubts(c.found, c.found.values @ weights) for c in some])
    y = np.array([float(c.answerable) for c in some])
    counts = np.array([DOUBTED[c.kind] for c in some])
    penalty = np.array([1e-3] + [DOUBT_PENALTY] * (x.shape[1] - 1))
    found = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(x @ found)))
        slope = x.T @ (counts * (p - y)) + penalty * found
        found -= np.linalg.solve((x * (counts * p * (1 - p))[:, None]).T @ x + np.diag(penalty), slope)
    return found


def left_out(some: Sequence[Case]) -> list[tuple[Case, float, int]]:
    """Each of the file's cases with its probability of an answer and the right one's place (0: not found)."""
    file = [c for c in some if c.kind == "file"]
    rest = [c for c in some if c.kind != "file"]
    found = []
    for fold in range(FOLDS):
        # A question and its copy without accents are in the same fold.
        learnt = rest + [c for c in file if c.number % FOLDS != fold]
        weights = ranked(learnt)
        doubting = doubted(learnt, weights)
        for c in file:
            if c.number % FOLDS == fold:
                found.append(
                    (
                        c,
                        float(1 / (1 + np.exp(-(doubts(c.found, c.found.values @ weights) @ doubting)))),
                        _place(c, weights),
                    )
                )
    return found


def report(name: str, some: Sequence[Case]) -> float:
    """Prints recall and, for shares of the unanswerable refused, the shares of others refused; returns a threshold."""
    scored = left_out(some)
    places = [place for c, _, place in scored if c.answerable]
    recall = {k: sum(0 < place <= k for place in places) / len(places) for k in (1, 3)}
    print(f"{name}, {len(scored)} questions: recall@1 {recall[1]:.2f}, recall@3 {recall[3]:.2f}")
    unknown = np.array([p for c, p, _ in scored if not c.answerable])
    known = np.array([p for c, p, _ in scored if c.answerable])
    for share in (0.7, 0.75, REFUSED, 0.85, 0.9, 0.95):
        least = float(np.quantile(unknown, share))
        print(
            f"  below {least:.2f}: refuses {share:.2f} of the unanswerable, {np.mean(known < least):.2f} of the others"
        )
    return round(float(np.quantile(unknown, REFUSED)), 2)


def _place(c: Case, weights: Values) -> int:
    worth = c.found.values @ weights
    return 1 + int((worth > worth[c.right].max()).sum()) if c.right.any() else 0


def _written(weights: Values) -> str:
    return f"({', '.join(str(round(float(w), 2)) for w in weights)})"


def main() -> None:
    """Learns and prints."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    everything = cases()
    learnt: dict[str, dict[str, list[float]]] = {"weights": {}, "doubts": {}, "least": {}}
    for kind in ("hybrid", "words"):
        for accents in (True, False):
            some = [c for c in everything if c.accents is accents and c.found.kind == kind]
            least = report(f"{kind}, {'with' if accents else 'without'} accents", some)
            weights = ranked(some)
            doubting = doubted(some, weights)
            print(f'    WEIGHTS "{kind}", {accents}: {_written(weights)}')
            print(f'    DOUBTS "{kind}", {accents}: {_written(doubting)}')
            print(f'    LEAST "{kind}", {accents}: {least}')
            learnt["weights"][f"{kind}_{accents}"] = [round(float(w), 2) for w in weights]
            learnt["doubts"][f"{kind}_{accents}"] = [round(float(w), 2) for w in doubting]
            learnt["least"][f"{kind}_{accents}"] = [least]
    print(json.dumps(learnt))


if __name__ == "__main__":
    main()
