"""What customers ask in their own words stands with the article, is searched by, and grows by review."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import articles, authored_articles, demo, knowledge, staff
from crm.authored_articles import Draft
from crm.errors import InvalidInput, NotFound
from crm.library import Library
from crm.models.people import AuditEntry
from crm.settings import settings
from tests.crm.factories import agent

pytestmark = pytest.mark.usefixtures("embedded")

ROOT = settings().data_dir / "knowledge"
FRONT = "---\ntitle: Giặt giày\ntopic: use\n"
BODY = "---\n\nĐược.\n\n## Tháo dây\n\n1. Tháo dây giày.\n"
SHOES = Draft("giat-giay", "Giặt giày", "use", "Được.\n\n## Tháo dây\n\n1. Tháo dây giày.")
STRANGE = "cái bịch bông hồng phấn quay cù cù trong bụng máy"


def _article(path: Path, asked: str) -> list[articles.Passage]:
    path.write_text(f"{FRONT}{asked}{BODY}", encoding="utf-8")
    return articles.read(path, path.parent)


def test_a_question_belongs_to_its_section(tmp_path: Path) -> None:
    lead, section = _article(tmp_path / "a.md", 'asked:\n  "": [giặt giày nha]\n  Tháo dây: ["cột dây: để yên hả"]\n')
    assert lead.asked == ("giặt giày nha",)
    assert section.asked == ("cột dây: để yên hả",)
    assert f"{articles.QUESTION}giặt giày nha" in lead.texts


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("asked:\n  Không có: [a]\n", "Không có"),
        ("asked: [a]\n", "maps headings"),
        ("asked:\n  Tháo dây: một câu\n", "list of questions"),
        ("asked:\n  Tháo dây:\n    - nước: ấm\n", "list of questions"),
        (f"asked:\n  Tháo dây: [{'dài ' * 100}]\n", "up to 300"),
    ],
)
def test_broken_questions_are_refused_by_name(tmp_path: Path, asked: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        _article(tmp_path / "a.md", asked)
    assert "a.md" in str(refused.value)


def test_every_question_of_the_shops_files_is_of_a_section() -> None:
    passages = [p for file in sorted(ROOT.rglob("*.md")) for p in articles.read(file, ROOT)]
    assert sum(len(p.asked) for p in passages) > 2000


def test_a_question_added_to_a_files_article_is_found_and_nothing_of_it_is_lost(session: Session) -> None:
    demo.load(session)
    key = "may-giat-cua-ngang/ve-sinh.md#0"
    shelf = Library(ROOT)
    before = shelf.index(session).by_key(key)
    assert before is not None
    author = staff.find(session, "lan").id
    added = authored_articles.add_question(session, author, key, f"  {STRANGE}\n")
    after = shelf.index(session).by_key(key)
    assert after is not None
    assert after.asked == (*before.asked, STRANGE)
    assert (after.text, after.article.sku, after.article.keywords) == (
        before.text,
        before.article.sku,
        before.article.keywords,
    )
    assert after.article.version == added.version == 1
    found = knowledge.usage(STRANGE, "NS-MG90", (), session)
    assert found.passage is not None
    assert found.passage.key == key
    done = session.scalars(select(AuditEntry.action)).all()
    assert {"article_publish", "article_question"} <= set(done)


def test_a_question_is_added_to_what_the_staff_published(session: Session) -> None:
    author = agent(session).id
    authored_articles.publish(session, author, SHOES)
    authored_articles.add_question(session, author, "giat-giay.md#1", "cột dây để yên hả")
    last = authored_articles.add_question(session, author, "giat-giay.md#1", "bứt dây ra sao")
    assert last.version == 3
    assert authored_articles.cut(last)[1].asked == ("cột dây để yên hả", "bứt dây ra sao")
    gone = authored_articles.withdraw(session, author, "giat-giay")
    assert authored_articles.cut(gone)[1].asked == ("cột dây để yên hả", "bứt dây ra sao")


def test_what_cannot_be_added_is_refused(session: Session) -> None:
    author = agent(session).id
    authored_articles.publish(session, author, SHOES)
    authored_articles.add_question(session, author, "giat-giay.md#1", "cột dây để yên hả")
    with pytest.raises(InvalidInput, match="already"):
        authored_articles.add_question(session, author, "giat-giay.md#1", "Cột dây để yên hả?")
    with pytest.raises(InvalidInput, match="1 to 300"):
        authored_articles.add_question(session, author, "giat-giay.md#1", "  ")
    for key in ("giat-giay.md#9", "khong-co.md#0", "../knowledge_test/x.md#0", "giat-giay"):
        with pytest.raises(NotFound):
            authored_articles.add_question(session, author, key, "gì đó")
