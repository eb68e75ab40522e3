from __future__ import annotations

import pytest

from nlu.entities import money
from nlu.entities.reading import read
from nlu.normalisation import strip_accents


@pytest.mark.parametrize(
    ("text", "typed", "dong"),
    [
        ("tầm 2tr5 đổ lại", "2tr5", 2_500_000),
        ("1tr250 nha", "1tr250", 1_250_000),
        ("1 triệu rưỡi", "1 triệu rưỡi", 1_500_000),
        ("2tr rưỡi", "2tr rưỡi", 2_500_000),
        ("có triệu hai thôi", "triệu hai", 1_200_000),
        ("ship 350k", "350k", 350_000),
        ("500 ngàn", "500 ngàn", 500_000),
        ("1.290.000đ", "1.290.000đ", 1_290_000),
        ("chuyển 1290000 đồng", "1290000 đồng", 1_290_000),
        ("1,5 triệu", "1,5 triệu", 1_500_000),
        ("hai triệu ba trăm nghìn", "hai triệu ba trăm nghìn", 2_300_000),
        ("ba mươi lăm ngàn", "ba mươi lăm ngàn", 35_000),
        ("giá hai trăm rưỡi thôi", "hai trăm rưỡi", 250_000),
        ("2 triệu 3 cái áo", "2 triệu", 2_000_000),
        ("tám trăm 50 ngàn", "tám trăm 50 ngàn", 850_000),
        ("tam 7tr mua dt gi", "7tr", 7_000_000),
    ],
)
def test_amount_in_dong(text: str, typed: str, dong: int) -> None:
    (found,) = money.find(read(text))
    assert (found.value, text[found.start : found.end]) == (dong, typed)
    assert [each.value for each in money.find(read(strip_accents(text)))] == [dong]


def test_slang_counts_with_its_accent_only() -> None:
    assert [found.value for found in money.find(read("hết 5 củ"))] == [5_000_000]
    assert not list(money.find(read("trồng 5 củ khoai, nhờ 5 cụ")))


@pytest.mark.parametrize(
    "text",
    [
        "tivi 4k",
        "kênh 20k follow",
        "còn 10 k shop",
        "mua 2 k ạ",
        "hai trăm người",
        "máy 9.000 btu",
        "1.200 vòng",
        "đợi 1 tí",
        "mấy triệu một con",
        "vàng 10k hay 14k",
        "cho 9đ",
        "năm nay ba má khoẻ",
        "",
    ],
)
def test_what_is_no_money_is_left_alone(text: str) -> None:
    assert list(money.find(read(text))) == []
