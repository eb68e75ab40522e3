"""What the staff publish is found by the very next question, in every process, and no version is ever lost."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import authored_articles, knowledge
from crm.authored_articles import Draft
from crm.db import Database
from crm.errors import InvalidInput, NotFound
from crm.library import Library
from crm.models.people import AuditEntry
from crm.settings import settings
from tests.crm.factories import agent

pytestmark = pytest.mark.usefixtures("embedded")

SHOES = Draft(
    "giat-giay", "Giặt giày thể thao bằng máy giặt", "use", "Được, cho giày vào túi lưới.\n\n1. Tháo dây giày."
)
QUESTION = "giặt giày thể thao được không"


def _key(session: Session, shelf: Library) -> str | None:
    """The likeliest passage in a process that has `shelf`."""
    guides = shelf.index(session)
    hits = knowledge.rank(guides, knowledge.question_of(guides, QUESTION), None)
    return hits[0].passage.key if hits[0].enough else None


def test_the_next_question_finds_it_in_every_process(database: Database) -> None:
    root = settings().data_dir / "knowledge"
    here, elsewhere = Library(root), Library(root)
    with database.read() as session:
        assert _key(session, here) != "giat-giay.md#0"
        assert _key(session, elsewhere) != "giat-giay.md#0"
    with database.begin() as session:
        authored_articles.publish(session, agent(session).id, SHOES)
    with database.read() as session:
        assert _key(session, here) == _key(session, elsewhere) == "giat-giay.md#0"


def test_a_new_version_stands_in_for_the_last_and_a_withdrawal_for_both(session: Session) -> None:
    author = agent(session).id
    first = authored_articles.publish(session, author, SHOES)
    second = authored_articles.publish(session, author, Draft(**{**vars(SHOES), "body": "1. Không giặt giày da."}))
    assert (first.version, second.version) == (1, 2)
    shelf = Library(settings().data_dir / "knowledge")
    found = shelf.index(session).by_key("giat-giay.md#0")
    assert found is not None
    assert found.text == "1. Không giặt giày da."
    authored_articles.withdraw(session, author, "giat-giay")
    assert shelf.index(session).by_key("giat-giay.md#0") is None
    assert [v.published for v in authored_articles.versions(session, "giat-giay")] == [False, True, True]
    assert first.body == SHOES.body
    with pytest.raises(NotFound):
        authored_articles.withdraw(session, author, "giat-giay")


def test_an_article_of_a_files_path_stands_in_for_the_file_until_withdrawn(session: Session) -> None:
    author = agent(session).id
    shelf = Library(settings().data_dir / "knowledge")
    before = shelf.index(session).by_key("cua-hang/bao-hanh.md#0")
    authored_articles.publish(session, author, Draft("cua-hang/bao-hanh", "Bảo hành", "policy", "1. Ba năm."))
    now = shelf.index(session)
    assert now.by_key("cua-hang/bao-hanh.md#0") is not before
    assert now.by_key("cua-hang/bao-hanh.md#1") is None
    authored_articles.withdraw(session, author, "cua-hang/bao-hanh")
    after = shelf.index(session).by_key("cua-hang/bao-hanh.md#0")
    assert after is not None
    assert before is not None
    assert after.text == before.text


def test_prose_without_steps_answers_too(session: Session) -> None:
    plain = Draft("giat-giay", SHOES.title, "use", "Được, cho giày vào túi lưới rồi chọn chế độ nhẹ.")
    authored_articles.publish(session, agent(session).id, plain)
    assert _key(session, Library(settings().data_dir / "knowledge")) == "giat-giay.md#0"


def test_every_publication_is_in_the_audit_log(session: Session) -> None:
    author = agent(session)
    article = authored_articles.publish(session, author.id, SHOES)
    authored_articles.withdraw(session, author.id, SHOES.slug)
    lines = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(line.action, line.staff_id) for line in lines] == [
        ("article_publish", author.id),
        ("article_withdraw", author.id),
    ]
    assert lines[0].subject_id == article.id


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "Giặt giày"}, "slug"),
        ({"slug": "../etc"}, "slug"),
        ({"title": " "}, "title"),
        ({"topic": "other"}, "topic"),
        ({"sku": "NO-SUCH"}, "product"),
        ({"body": "  "}, "body"),
        ({"body": "dài " * 1000}, "body"),
    ],
)
def test_what_cannot_be_used_is_refused(session: Session, change: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        authored_articles.publish(session, agent(session).id, Draft(**{**vars(SHOES), **change}))
    assert refused.value.field == field


def test_only_active_staff_publish(session: Session) -> None:
    gone = agent(session)
    gone.active = False
    with pytest.raises(NotFound):
        authored_articles.publish(session, gone.id, SHOES)
