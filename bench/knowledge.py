"""`python -m bench.knowledge`: what a question costs with 60 and with 5,000 articles.

The articles are the demo shop's, told again of invented models (only the real ones with what customers ask of them), in
a folder of their own. Embedding 110,000 lines takes an hour; so the cache is filled with the real lines' vectors, each
turned a little (`--embed` embeds them all). A question's own embedding is always made, and what is searched through
has its true size.
"""

import argparse
import json
import random
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.knowledge_questions import Asked, read
from crm import articles, authored_articles, catalogue, demo, embeddings, knowledge, schema
from crm.authored_articles import Draft
from crm.db import Database
from crm.library import library, vector_of
from crm.models.staff import Staff
from crm.settings import settings

QUESTIONS = Path(__file__).parent / "knowledge_development.jsonl"
TURN = 0.4
KEPT_AT_ONCE = 10_000
MODEL = re.compile(r" kiểu \d{3}[a-z]")
ASKED = re.compile(r"^asked:\n(?:[ \t].*\n)+", re.MULTILINE)
NEW = Draft("khach-hoi/giat-giay", "Giặt giày bằng máy", "use", "Được, bỏ giày vào túi lưới.\n\n1. Chọn Đồ mỏng.")
NEW_QUESTION = "bỏ giày vào túi lưới giặt máy"


@dataclass(frozen=True)
class Row:
    """One size of the library. Durations in milliseconds, `start_ms` without embedding, memory in MB.

    `cpu_p95_ms` is what a question takes of one core, its embedding included; `ranking_p95_ms` without it: neither
    counts the time in which other programs had the core.
    """

    articles: int
    passages: int
    start_ms: float
    p50_ms: float
    p95_ms: float
    cpu_p95_ms: float
    ranking_p95_ms: float
    words_p95_ms: float
    publish_ms: float
    memory_mb: float


def write_articles(source: Path, root: Path, count: int) -> None:
    """`count` articles under `root`: the real ones first, then the same of other models."""
    real = sorted(source.rglob("*.md"))
    for number in range(count):
        path = real[number % len(real)]
        content = path.read_text(encoding="utf-8")
        place = root / path.relative_to(source)
        if number >= len(real):
            model = f"kiểu {number // len(real):03d}{chr(97 + number % 26)}"
            content = "\n".join(_retold(line, model) for line in ASKED.sub("", content).split("\n"))
            place = root / model.replace(" ", "-") / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")


def _retold(line: str, model: str) -> str:
    if line.startswith("product: "):
        return line if "null" in line else f"{line}-{model[5:]}"
    return f"{line} {model}" if line.startswith(("title: ", "## ")) and not line.endswith('"') else line


def fill_cache(root: Path) -> None:
    """A made-up embedding for every text that is not the real shop's."""
    random_turn = np.random.default_rng(7)
    # Read here and not by the library: it would begin to embed them all in the background.
    read_all = (articles.read(path, root) for path in sorted(root.rglob("*.md")))
    texts = list(dict.fromkeys(text for passages in read_all for passage in passages for text in passage.texts))
    made = embeddings.cached(sorted({MODEL.sub("", text) for text in texts}))
    for text in texts:
        real = MODEL.sub("", text)
        if real not in made:
            vector = vector_of(real)
            if vector is None:
                return
            made[real] = vector
        if real != text:
            turned = made[real] + TURN / 20 * random_turn.standard_normal(len(made[real]))
            made[text] = (turned / np.linalg.norm(turned)).astype(np.float32)
    rows = list(made.items())
    for start in range(0, len(rows), KEPT_AT_ONCE):
        embeddings.keep(dict(rows[start : start + KEPT_AT_ONCE]))


def measure(count: int, questions: list[Asked], folder: Path, embed: bool) -> Row:
    """Answers `questions` from `count` articles in this process."""
    source = settings().data_dir
    data = folder / "data"
    shutil.copytree(source / "words", data / "words")
    write_articles(source / "knowledge", data / "knowledge", count)
    database = Database(f"sqlite:///{folder / 'shop.db'}")
    schema.upgrade(database.engine)
    with database.begin() as session:
        demo.load(session)
        author = session.query(Staff).first()
        assert author is not None
    settings().data_dir, settings().var_dir = data, folder / "var"
    settings().database_url = database.engine.url.render_as_string(False)
    try:
        if not embed and count > 100:
            fill_cache(data / "knowledge")
        return _measured(database, count, questions, author.id)
    finally:
        settings().data_dir = source
        database.dispose()


def _measured(database: Database, count: int, questions: list[Asked], author: int) -> Row:
    started = time.perf_counter()
    with database.read() as session:
        found = knowledge.index(session)
    start_ms = (time.perf_counter() - started) * 1000
    with database.read() as session:
        library(session).settle()
    took = [_ask(database, asked) for asked in questions]
    embeddings.forget()
    cpu = [_ask(database, asked, time.thread_time) for asked in questions]
    ranking = [_ask(database, asked, time.thread_time) for asked in questions]  # embedded a moment ago
    real, embeddings.loaded = embeddings.loaded, lambda: (None, "off")  # type: ignore[assignment]
    words = [_ask(database, asked) for asked in questions]
    embeddings.loaded = real
    with database.begin() as session:
        authored_articles.publish(session, author, NEW)
    started = time.perf_counter()
    with database.read() as session:
        answer = knowledge.usage(NEW_QUESTION, None, (), session)
    publish_ms = (time.perf_counter() - started) * 1000
    if not any(hit.passage.article.path == f"{NEW.slug}.md" for hit in answer.sources):
        raise AssertionError("the published article was not found by the next question")
    return Row(
        count,
        len(found.passages),
        round(start_ms, 1),
        round(statistics.median(took), 1),
        round(_p95(took), 1),
        round(_p95(cpu), 1),
        round(_p95(ranking), 1),
        round(_p95(words), 1),
        round(publish_ms, 1),
        round(_resident_mb()),
    )


def _ask(database: Database, asked: Asked, clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    with database.read() as session:
        knowledge.find(session, asked.question, catalogue.mentioned(session, asked.question), asked.product)
    return (clock() - started) * 1000


def _p95(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.95)]


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError("/proc/self/status has no VmRSS")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=5000)
    parser.add_argument("--embed", action="store_true", help="embed every line (an hour)")
    chosen = parser.parse_args()
    questions = read(QUESTIONS)
    random.Random(7).shuffle(questions)
    rows = []
    for count in (60, chosen.articles):
        with tempfile.TemporaryDirectory(prefix="trian-k-") as folder:
            rows.append(measure(count, questions, Path(folder), chosen.embed))
    keys = list(vars(rows[0]))
    print("".join(f"{key:>14}" for key in keys))
    for row in rows:
        print("".join(f"{getattr(row, key):>14}" for key in keys))
    print(json.dumps({f"articles_{row.articles}": vars(row) for row in rows} | {"embedded_here": chosen.embed}))


if __name__ == "__main__":
    main()
