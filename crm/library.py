"""The articles as they are now, indexed: files under `data/knowledge/` and what the staff published.

Files are looked at with each question while there are few, else in the background; publications by one query with
each question, so that the very next one finds them, in every process. What is new is embedded at once when it is
little, else in the background: until then questions are answered by words alone.
"""

import logging
import os
import threading
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from crm import articles, authored_articles, embeddings
from crm.accents import spoken
from crm.articles import Passage
from crm.errors import InvalidInput
from crm.retrieval import Index
from crm.settings import settings

logger = logging.getLogger(__name__)

FEW_FILES = 300
LOOK_EVERY_S = 2.0
AT_ONCE = 6
BATCH = 32


class Library:
    """One knowledge directory, and one database's publications with it. Safe for many threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.RLock()
        self._files: dict[Path, tuple[int, list[Passage]]] = {}
        self._authored: dict[str, tuple[int, list[Passage]]] = {}
        self._mark: tuple[object, ...] | None = None
        self._looked_at = -LOOK_EVERY_S
        self._index: Index | None = None
        self._embedding: threading.Thread | None = None
        self._looking: threading.Thread | None = None

    def index(self, session: Session | None = None) -> Index:
        """The index of all that is published now. `session` None: publications as last seen."""
        with self._lock:
            changed = self._read_files() if self._index is None or len(self._files) <= FEW_FILES else False
            changed |= session is not None and self._read_authored(session)
            if changed or self._index is None:
                self._index = Index(self._passages(), self._index)
                self._embed_new(self._index)
            found = self._index
        self._look_again()
        return found

    def settle(self, timeout_s: float | None = None) -> None:
        """Waits until every passage has its embedding."""
        self.index()
        if (working := self._embedding) is not None:
            working.join(timeout_s)

    def _look_again(self) -> None:
        """Looks at many files in the background: thousands take tens of milliseconds."""
        if len(self._files) <= FEW_FILES or time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        if self._looking is None or not self._looking.is_alive():
            self._looking = threading.Thread(target=self._look, name="knowledge-files")
            self._looking.start()

    def _look(self) -> None:
        with self._lock:
            if self._read_files():
                self._index = Index(self._passages(), self._index)
                self._embed_new(self._index)

    def _read_files(self) -> bool:
        self._looked_at = time.monotonic()
        there = _written(self.root)
        changed = {path for path, written in there.items() if self._files.get(path, (0, []))[0] != written}
        if not changed and len(there) == len(self._files):
            return False
        self._files = {
            path: (written, self._read(path, written)) if path in changed else self._files[path]
            for path, written in there.items()
        }
        return True

    def _read(self, path: Path, written_ns: int) -> list[Passage]:
        """The file's passages; of a file that is broken, those it had before: the other articles go on answering."""
        try:
            return _read(path, self.root, written_ns)
        except (InvalidInput, OSError, UnicodeDecodeError) as broken:
            logger.error("the article %s cannot be read: %s", path, broken)
            return self._files.get(path, (0, []))[1]

    def _read_authored(self, session: Session) -> bool:
        mark = authored_articles.mark(session)
        if mark == self._mark:
            return False
        before, self._mark = self._authored, mark
        self._authored = {}
        for article in authored_articles.published(session):
            known = before.get(article.slug)
            same = known is not None and known[0] == article.id
            self._authored[article.slug] = known if known and same else (article.id, authored_articles.cut(article))
        return True

    def _passages(self) -> list[Passage]:
        """What the staff published stands in for a file of the same path."""
        instead = {authored_articles.path(slug) for slug in self._authored}
        files = [p for _, cut in self._files.values() for p in cut if p.article.path not in instead]
        return files + [p for _, cut in self._authored.values() for p in cut]

    def _embed_new(self, index: Index) -> None:
        left = _without(index, [int(row) for row in np.flatnonzero(~index.embedded)])
        if len(left) <= AT_ONCE:
            _embed(index, left)
        elif self._embedding is None:
            self._embedding = threading.Thread(target=self._embed_rest, name="embedding")
            self._embedding.start()

    def _embed_rest(self) -> None:
        """Embeds what the newest index lacks, a batch at a time; what any process has done is not done again."""
        while True:
            with self._lock:
                index = self._index
                left = [] if index is None else [int(row) for row in np.flatnonzero(~index.embedded)[:BATCH]]
                if index is None or not left:
                    self._embedding = None
                    return
            if not _embed(index, _without(index, left)):
                return


def _written(root: Path) -> dict[Path, int]:
    """When each article was last written, by os.walk: a third of the time that rglob takes, with every question."""
    found = (os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names if name.endswith(".md"))
    return {Path(path): os.stat(path).st_mtime_ns for path in sorted(found)}


def _without(index: Index, rows: list[int]) -> list[int]:
    """Puts in what the cache has for these texts; returns the rows for which it has nothing."""
    known = embeddings.cached(list({index.texts[row] for row in rows})) if rows else {}
    for row in rows:
        if (vector := known.get(index.texts[row])) is not None:
            index.put(row, vector)
    return [row for row in rows if index.texts[row] not in known]


def _embed(index: Index, rows: list[int]) -> bool:
    """Embeds these texts and keeps the result; False where there are no embeddings."""
    done: dict[str, embeddings.Vectors] = {}
    for row in rows:
        text = index.texts[row]
        if not threading.main_thread().is_alive():  # the process ends: what is left is embedded by the next one
            return False
        vector = done.get(text)
        if vector is None:
            vector = vector_of(text)
        if vector is None:
            return False
        done[text] = vector
        index.put(row, vector)
    if done:
        embeddings.keep(done)
    return True


def vector_of(text: str) -> embeddings.Vectors | None:
    """The embedding of one of an index's texts; None without embeddings."""
    if text.startswith(articles.QUESTION):
        return embeddings.of_question(" ".join(spoken(text.removeprefix(articles.QUESTION))))
    return embeddings.of_passage(text)


def library(session: Session | None = None) -> Library:
    """The process's library of the knowledge directory and the session's database, or else the settings' one."""
    url = settings().database_url if session is None else session.get_bind().engine.url.render_as_string(False)
    return _library(settings().data_dir / "knowledge", url)


def forget() -> None:
    """Makes the next question begin from nothing, as in a new process."""
    _library.cache_clear()
    _read.cache_clear()


@lru_cache(maxsize=256)
def _read(path: Path, root: Path, _written_ns: int) -> list[Passage]:
    return articles.read(path, root)


@lru_cache(maxsize=4)
def _library(root: Path, url: str) -> Library:
    return Library(root)
