"""`python -m bench.knowledge_eval`: how well questions are answered from the demo shop's articles.

Each question goes the way of the bot's (`crm.knowledge.find`), with embeddings and, beside it, by words alone. It is
quoted a passage, offered two or three sections as buttons, asked which product is meant, or refused. Only a refusal is
one: an unanswerable question for which sections are offered, or a product asked, is not refused.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from bench.knowledge_questions import Asked, ask, read, shop, without_embeddings
from crm import embeddings
from crm.knowledge import Found

MANNERS = ("quoted", "offered", "product", "refused")
QUESTIONS = Path("data/knowledge_test/questions.jsonl")


@dataclass(frozen=True)
class Answer:
    """What was found for a question, and in how many milliseconds."""

    asked: Asked
    found: Found
    took_ms: float

    @property
    def rank(self) -> int:
        """The place, from 1, of the first right passage among the sources; 0 when none of them is right."""
        keys = [hit.passage.key for hit in self.found.sources]
        return next((place for place, key in enumerate(keys, 1) if key in self.asked.answers), 0)

    @property
    def manner(self) -> str:
        """What the customer gets: "quoted", "offered", "product" or "refused"."""
        if self.found.passage is not None:
            return "quoted"
        if self.found.choices:
            return "offered"
        return "product" if self.found.skus else "refused"

    @property
    def right(self) -> bool:
        """Whether the passage quoted, or one of those offered, answers."""
        shown = (self.found.passage,) if self.found.passage else self.found.choices
        return any(passage.key in self.asked.answers for passage in shown)


def answers(session: Session, questions: Sequence[Asked]) -> list[Answer]:
    """Asks them all, one after the other."""
    found = []
    for asked in questions:
        started = time.perf_counter()
        answer = ask(session, asked)
        found.append(Answer(asked, answer, (time.perf_counter() - started) * 1000))
    return found


def figures(given: Sequence[Answer]) -> dict[str, float | int]:
    """Shares between 0 and 1, durations in milliseconds; 0 where there is nothing to count."""
    known = [a for a in given if a.asked.answers]
    unknown = [a for a in given if not a.asked.answers]
    quoted, offered = ([a for a in known if a.manner == manner] for manner in ("quoted", "offered"))
    times = sorted(a.took_ms for a in given)
    return {
        "questions": len(given),
        "recall_at_1": _share([a.rank == 1 for a in known]),
        "recall_at_3": _share([0 < a.rank <= 3 for a in known]),
        "mrr": round(sum(1 / a.rank for a in known if a.rank) / max(1, len(known)), 3),
        **{f"{manner}_answerable": _share([a.manner == manner for a in known]) for manner in MANNERS},
        **{f"{manner}_unanswerable": _share([a.manner == manner for a in unknown]) for manner in MANNERS},
        "right_when_quoted": _share([a.right for a in quoted]),
        "right_when_offered": _share([a.right for a in offered]),
        "helped": _share([a.right for a in known]),
        "p50_ms": round(statistics.median(times), 1) if times else 0.0,
        "p95_ms": round(times[int(len(times) * 0.95)], 1) if times else 0.0,
    }


def _share(held: Sequence[bool]) -> float:
    return round(sum(held) / len(held), 3) if held else 0.0


def table(given: Sequence[Answer], by_words: Sequence[Answer]) -> None:
    """Prints the figures of all, accented and unaccented questions, both ways."""
    columns = {}
    for manner, some in (("hybrid", given), ("BM25 alone", by_words)):
        columns[f"{manner}, all"] = figures(some)
        columns[f"{manner}, accents"] = figures([a for a in some if a.asked.accents])
        columns[f"{manner}, none"] = figures([a for a in some if not a.asked.accents])
    print(" " * 26 + "".join(f"{name:>21}" for name in columns))
    for key in next(iter(columns.values())):
        print(f"{key:<26}" + "".join(f"{column[key]:>21}" for column in columns.values()))


def _wrong(given: Sequence[Answer]) -> None:
    for a in given:
        if (a.asked.answers and not a.right) or (not a.asked.answers and a.manner != "refused"):
            best = [f"{hit.passage.key} {hit.score:.2f}" for hit in a.found.sources[:3]]
            print(f"{a.asked.question} | {', '.join(sorted(a.asked.answers)) or '-'} | {a.manner} | {'; '.join(best)}")


def main() -> None:
    """Asks, and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=QUESTIONS, help="JSONL of questions")
    parser.add_argument("--wrong", action="store_true", help="print also each question not answered as it should be")
    chosen = parser.parse_args()
    questions = read(chosen.file)
    with tempfile.TemporaryDirectory(prefix="trian-k-") as folder, shop(Path(folder)) as session:
        given = answers(session, questions)
        with without_embeddings():
            by_words = answers(session, questions)
    if problem := embeddings.problem():
        print(f"no embeddings: {problem}")
    if chosen.wrong:
        _wrong(given)
    table(given, by_words)
    print(json.dumps({**figures(given), "words_alone": figures(by_words)}))


if __name__ == "__main__":
    main()
