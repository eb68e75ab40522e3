from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

import pytest

from nlu.entities import dates
from nlu.entities.reading import read
from nlu.normalisation import strip_accents

SUNDAY = date(2026, 11, 22)


def said(text: str, today: date = SUNDAY) -> list[dict[str, Any]]:
    return [found.value for found in dates.find(read(text), today)]


@pytest.mark.parametrize(
    ("text", "day", "time"),
    [
        ("hôm qua", "2026-11-21", None),
        ("hqua", "2026-11-21", None),
        ("bữa kia", "2026-11-20", None),
        ("hôm nay", "2026-11-22", None),
        ("mai em ghé", "2026-11-23", None),
        ("ngày kia giao nha", "2026-11-24", None),
        ("3h chiều mai", "2026-11-23", "15:00"),
        ("9h30 tối nay", "2026-11-22", "21:30"),
        ("8:30 sáng mai", "2026-11-23", "08:30"),
        ("thứ 7 tuần sau", "2026-11-28", None),
        ("tuần sau thứ 7 nhé", "2026-11-28", None),
        ("t7 tuần này", "2026-11-21", None),
        ("thứ 7 tuần sau lúc 9h kém 15", "2026-11-28", "08:45"),
        ("sửa từ thứ 5 tuần trước", "2026-11-12", None),
        ("2 ngày nữa", "2026-11-24", None),
        ("cách đây 2 tuần", "2026-11-08", None),
        ("25/12", "2026-12-25", None),
        ("mua hôm 12/3", "2026-03-12", None),
        ("sinh 15/8/1990", "1990-08-15", None),
        ("ngày 25 tháng này", "2026-11-25", None),
        ("ngày 5 tháng 8 năm 1990", "1990-08-05", None),
        ("mùng 5 Tết", "2027-02-10", None),
        ("30 Tết", "2027-02-05", None),
        ("29 tết", "2027-02-05", None),  # the twelfth month of this year has 29 days: both are the eve
        ("rằm tháng giêng", "2027-02-20", None),
        ("23 tháng chạp", "2027-01-30", None),
        ("mùng 10 tháng 3 âm lịch", "2027-04-16", None),
        ("noel này", "2026-12-25", None),
    ],
)
def test_one_day_with_and_without_accents(text: str, day: str, time: str | None) -> None:
    for typed in (text, strip_accents(text), unicodedata.normalize("NFD", text)):
        (value,) = said(typed)
        assert (value["date"], value["until"], value["time"]) == (day, None, time)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("cuối tuần", "2026-11-21", "2026-11-22"),
        ("cuối tuần sau", "2026-11-28", "2026-11-29"),
        ("đầu tuần sau", "2026-11-23", "2026-11-24"),
        ("cuối tháng", "2026-11-25", "2026-11-30"),
        ("đầu tháng sau", "2026-12-01", "2026-12-05"),
        ("tuần trước", "2026-11-09", "2026-11-15"),
        ("tháng sau", "2026-12-01", "2026-12-31"),
    ],
)
def test_span_of_days(text: str, first: str, last: str) -> None:
    (value,) = said(text)
    assert (value["date"], value["until"]) == (first, last)


def test_mot_is_the_day_after_tomorrow_only_when_spelt_so() -> None:
    assert said("mốt giao nha")[0]["date"] == "2026-11-24"
    assert said("mot cai thoi") == said("mẫu mốt mới") == said("mai mốt tính") == []


def test_lunar_days_say_so_and_part_of_the_day_is_kept() -> None:
    (value,) = said("sáng mùng 5 Tết")
    assert value == {
        "date": "2027-02-10",
        "until": None,
        "time": None,
        "part": "morning",
        "calendar": "lunar",
        "said": "sáng mùng 5 Tết",
    }


def test_vietnams_tet_not_chinas() -> None:
    assert said("mùng 1 tết", date(2029, 12, 1))[0]["date"] == "2030-02-02"
    assert said("mùng 1 tết", date(2026, 12, 1))[0]["date"] == "2027-02-06"


def test_words_that_look_back_choose_the_day_behind() -> None:
    assert said("thứ 2")[0]["date"] == "2026-11-23"
    assert said("mua hôm thứ 2")[0]["date"] == "2026-11-16"


def test_an_hour_without_a_day_needs_a_cue() -> None:
    (value,) = said("gọi sau 5h chiều nhé")
    assert (value["date"], value["time"]) == (None, "17:00")
    assert said("24h hứa trả lời mà 2 giờ trôi qua") == []


def test_offsets_point_into_the_text_as_typed() -> None:
    text = "👍 hẹn thứ\u200b 7 tuần sau nha"
    (found,) = dates.find(read(text), SUNDAY)
    assert text[found.start : found.end] == "thứ\u200b 7 tuần sau"


@pytest.mark.parametrize(
    "text",
    [
        "ảnh thứ 3 ấy",
        "bên thứ ba",
        "chị Mai ơi",
        "số thứ tự",
        "hotline 24/7",
        "cho 9/10 điểm",
        "hẻm 12/5 Lê Lợi",
        "25/12 Nguyễn Trãi",
        "bảo hành 12 tháng",
        "bánh trung thu",
        "tối quá, đẹp quá",
        "mùng chụp gấp",
        "mỗi ngày 2 lần",
        "1/2 giá",
        "30/2/2026",
        "",
    ],
)
def test_what_is_no_date_is_left_alone(text: str) -> None:
    assert said(text) == []
