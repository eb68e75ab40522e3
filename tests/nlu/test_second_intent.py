"""The rules around the model: a stand-in that knows a few words shows where messages are cut and what passes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nlu import second_intent

INTENTS = ["ask_price", "warranty", "order_status", "complaint", "greet", "return_exchange"]
WORDS = {
    "giá": 0, "gia": 0, "bảo hành": 1, "bao hanh": 1, "đơn": 2, "kêu to": 3, "chào": 4, "đổi": 5,
}  # fmt: skip


class Stub:
    """Sure of the last intent whose word is said; of nothing without one. Counts the texts it is asked about."""

    def __init__(self, sure: float = 0.9) -> None:
        self.sure = sure
        self.asked: list[str] = []

    def __call__(self, texts: list[str]) -> NDArray[np.float64]:
        self.asked += texts
        rows = np.full((len(texts), len(INTENTS)), 0.1)
        for row, text in zip(rows, texts, strict=True):
            said = [intent for word, intent in WORDS.items() if word in text]
            if said:
                row[said[-1]] = self.sure
        return rows


@pytest.mark.parametrize(
    ("text", "first", "name", "part"),
    [
        ("nồi cơm giá bao nhiêu với lại bảo hành mấy năm", "ask_price", "warranty", "bảo hành mấy năm"),
        ("noi com gia bao nhieu voi lai bao hanh may nam", "ask_price", "warranty", "bao hanh may nam"),
        ("giá nhiêu? bảo hành mấy năm", "ask_price", "warranty", "bảo hành mấy năm"),
        ("giá nhiêu? bảo hành mấy năm", "warranty", "ask_price", "giá nhiêu?"),
        ("👍 máy kêu to quá tiện thể cho hỏi đơn\u200b tới đâu rồi", "order_status", "complaint", "👍 máy kêu to quá"),
    ],
)
def test_the_part_that_is_not_the_first(text: str, first: str, name: str, part: str) -> None:
    found = second_intent.find(text, first, Stub(), INTENTS)
    assert found is not None
    assert (found.name, found.text, text[found.start : found.end]) == (name, part, part)
    assert found.confidence == pytest.approx(0.9)


def test_one_question_never_asks_the_model_again() -> None:
    stub = Stub()
    assert second_intent.find("nồi cơm giá bao nhiêu vậy shop", "ask_price", stub, INTENTS) is None
    assert second_intent.find("chào shop, cho hỏi giá nồi cơm", "greet", stub, INTENTS) is None
    assert stub.asked == []


def test_both_parts_must_be_sure_and_ask() -> None:
    text = "nồi cơm giá bao nhiêu với lại bảo hành mấy năm"
    assert second_intent.find(text, "ask_price", Stub(sure=0.4), INTENTS) is None
    assert second_intent.find("chào shop với lại giá bao nhiêu", "ask_price", Stub(), INTENTS) is None


def test_parts_of_one_story_are_one_intent() -> None:
    assert second_intent.find("máy kêu to quá, đổi được không", "complaint", Stub(), INTENTS) is None


def test_the_first_must_be_one_of_the_parts() -> None:
    text = "giá bao nhiêu với lại bảo hành mấy năm"
    assert second_intent.find(text, "order_status", Stub(), INTENTS) is None
