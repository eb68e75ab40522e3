"""Praise with a no before it is no praise."""

import pytest

from crm.scores import score_in


@pytest.mark.parametrize(
    "said", ["hông ưng lắm", "không ưng lắm", "hổng ưng", "ko tốt lắm", "chưa ưng ý lắm", "không được tốt lắm"]
)
def test_a_no_turns_praise_round(said: str) -> None:
    assert score_in(said) == 2


@pytest.mark.parametrize(
    ("said", "score"), [("ưng lắm", 5), ("không tệ", 3), ("rất tốt", 5), ("máy tốt, không lỗi gì", 4)]
)
def test_praise_stays_praise(said: str, score: int) -> None:
    assert score_in(said) == score
