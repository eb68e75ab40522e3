from __future__ import annotations

import json
from pathlib import Path

import pytest

from nlu.anger import default_meter, level
from nlu.anger_eval import figures

ROWS = Path(__file__).resolve().parents[2] / "data/nlu_test/anger.jsonl"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("đm giao cái máy móp méo", 2),
        ("tôi sẽ bóc phốt lên báo", 2),
        ("LUA DAO KHACH HANG", 2),
        ("tức quá trời", 2),
        ("hơi thất vọng", 1),
        ("không giận đâu", 0),
        ("khong gian dau", 0),
        ("hàng không tệ", 0),
        ("đẹp vl", 0),
        ("sao vậy???", 0),
        ("CHO HỎI GIÁ NỒI CƠM", 0),
        ("tào lao mía lao", 0),
        ("", 0),
    ],
)
def test_level(text: str, wanted: int) -> None:
    assert level(default_meter().score(text)) == wanted


def test_signs_add_to_words_and_the_score_stays_under_one() -> None:
    score = default_meter().score
    assert score("chán quá") < score("chán quá!!! 😡😡") <= 1
    assert score("đm vcl clgt lừa đảo khốn nạn!!! ??? 😡😡😡😡") <= 1


def test_figures_on_the_test_rows_stay() -> None:
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 100
    found = figures([row["text"] for row in rows], [row["anger"] for row in rows])
    assert found["angry_precision"] >= 0.9
    assert found["angry_recall"] >= 0.85
