"""Messages, names and codes are found without accents, on both databases, and forgotten with their rows."""

import unicodedata

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from crm import clock, customers, inbox_found, message_search
from crm.models.catalogue import Purchase, PurchaseStatus
from crm.models.conversations import Author, Conversation, Direction, Message
from tests.crm import factories


def said(session: Session, talk: Conversation, words: str) -> Message:
    message = Message(
        conversation_id=talk.id, direction=Direction.IN, author=Author.CUSTOMER, text=words, at=clock.now()
    )
    session.add(message)
    session.flush()
    return message


def found(session: Session, words: str) -> list[str]:
    return [hit.text for hit in message_search.find(session, words)]


@pytest.mark.parametrize(
    "asked",
    ["đặc biệt", "dac biet", "ĐẶC BIỆT", "dac bi", "biet dac", "đac  biêt!", unicodedata.normalize("NFD", "đặc biệt")],
)
def test_words_are_found_however_they_are_typed(session: Session, asked: str) -> None:
    talk = factories.conversation(session)
    said(session, talk, "Máy này ĐẶC BIỆT ồn nhỉ")
    said(session, talk, "máy chạy êm")
    assert found(session, asked) == ["Máy này ĐẶC BIỆT ồn nhỉ"]


@pytest.mark.parametrize("asked", ["", "  ", "%", "' OR 1=1 --", '"', "a:* | b", "🖼", "-", "*"])
def test_what_holds_no_word_or_looks_like_a_query_is_harmless(session: Session, asked: str) -> None:
    said(session, factories.conversation(session), "chào shop")
    assert found(session, asked) == []


def test_the_newest_comes_first_and_pages_go_by_key(session: Session) -> None:
    talk = factories.conversation(session)
    for number in range(7):
        said(session, talk, f"giao hàng lần {number}")
    first = message_search.find(session, "giao hang", limit=3)
    rest = message_search.find(session, "giao hang", limit=10, before=first[-1].message_id)
    assert [hit.text[-1] for hit in [*first, *rest]] == list("6543210")


def test_links_codes_and_punctuation_are_words_too(session: Session) -> None:
    talk = factories.conversation(session)
    said(session, talk, "xem tại shopee.vn/may-giat, mã KN-2026-000123; gọi 0912.345.678")
    for asked in ("shopee", "may giat", "kn-2026-000123", "000123", "0912.345", "vn"):
        assert len(found(session, asked)) == 1, asked


def test_what_is_changed_or_deleted_is_not_found_any_more(session: Session) -> None:
    talk = factories.conversation(session)
    first, second = said(session, talk, "số nhà mười hai"), said(session, talk, "số nhà mười ba")
    first.text = ""
    session.flush()
    assert found(session, "so nha") == ["số nhà mười ba"]
    session.execute(delete(Message).where(Message.id == second.id))
    assert found(session, "so nha") == []
    first.text = "số nhà hai mươi"
    session.flush()
    assert found(session, "hai muoi") == ["số nhà hai mươi"]


def test_people_are_found_by_any_word_of_their_name_and_by_phone(session: Session) -> None:
    hanh = factories.conversation(session, 1, "Nguyễn Thị Hạnh").customer
    factories.conversation(session, 2, "Đỗ Văn Đạt")
    hanh.phone = "0912345678"
    session.flush()
    for asked in ("hanh", "Hạnh nguyen", "thi h", "0912345678", "+84 912 345 678", "0912345678 h"):
        assert [each.name for each in message_search.people(session, asked)] == ["Nguyễn Thị Hạnh"], asked
    for asked in ("0912 345", "+84 912", "hanh 0912"):
        assert message_search.people(session, asked, begun_numbers=True) == [hanh], asked
        assert message_search.people(session, asked) == [], asked
        assert inbox_found.look_for(session, asked).people == []
    assert [each.name for each in message_search.people(session, "dat do")] == ["Đỗ Văn Đạt"]
    customers.rename(hanh, "Trần Thị Mai")
    hanh.phone = None
    session.flush()
    assert message_search.people(session, "hanh") == message_search.people(session, "0912") == []
    assert len(message_search.people(session, "mai")) == 1


def test_codes_lead_to_their_case_and_order(session: Session) -> None:
    person = factories.conversation(session).customer
    order = Purchase(
        customer_id=person.id, order_code="DH-2026-0042", status=PurchaseStatus.DELIVERED, purchased_at=clock.now()
    )
    session.add(order)
    session.flush()
    assert message_search.order(session, " dh-2026-0042 ") is order
    assert message_search.order(session, "dh") is message_search.case(session, "kn-2026-999999") is None
