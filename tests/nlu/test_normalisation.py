from __future__ import annotations

import pytest

from nlu.normalisation import clean, default_normaliser, outline, strip_accents


@pytest.mark.parametrize(
    ("typed", "normalised"),
    [
        ("Sp nay con BH k shop", "san pham nay con bao hanh khong shop"),
        ("sp này còn bh k shop", "sản phẩm này còn bảo hành không shop"),
        ("Hoà bình, khoẻ mạnh, thuỷ tinh", "hòa bình, khỏe mạnh, thủy tinh"),
        ("quý khách hoàn toàn", "quý khách hoàn toàn"),
        ("alooooo!!!! shop ơiiii", "alo! shop ơi"),
        ("shop ơi", "shop ơi"),
        ("kkkk ppp", "kkk ppp"),
        ("k", "khong"),
        ("gọi 0912 345 678 nha", "gọi numbermark nha"),
        ("xem https://a.vn/x?y=1 và a@b.vn", "xem urlmark và emailmark"),
        ("giá 250k", "giá 000k"),
        ("\u200b \ud83d\x00", ""),
    ],
)
def test_one_spelling(typed: str, normalised: str) -> None:
    assert default_normaliser()(typed) == normalised


def test_decomposed_text_is_the_same_as_composed() -> None:
    assert default_normaliser()("đo\u031b\u0300i") == default_normaliser()("đời")


def test_stripping_accents_keeps_letters() -> None:
    assert strip_accents("Đường Nguyễn Huệ, quận 1 👍") == "Duong Nguyen Hue, quan 1 👍"


def test_clean_keeps_words_apart() -> None:
    assert clean("a\u00a0b\tc\nd") == "a b c d"


def test_a_name_of_one_letter_is_left_alone() -> None:
    assert default_normaliser()("chị c ở lầu b") == "chị c ở lầu b"


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("máy giặt nghiêng, quyển khuya oái", ["length 6", "digits 0", "odd 0"]),
        ("asdkjh qweoiu", ["length 2", "digits 0", "odd 4"]),
        ("dh 000", ["length 2", "digits 2", "odd 4"]),
        ("你好", ["length 1", "digits 0", "odd 0", "foreign"]),
        ("numbermark", ["length 1", "digits 0"]),
        ("👍 !", []),
    ],
)
def test_outline_tells_noise_from_words(text: str, marks: list[str]) -> None:
    assert outline(text) == marks


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Sản phẩm này bảo hành bao lâu ạ?", 0.0, 0.0),
        ("sp nay bao hanh bn lau z shop", 1.0, 1.0),
        ("sp này bh bn lâu z shop", 0.5, 0.9),
        ("lâuuuu quá shop ơi", 0.25, 0.6),
        ("", 0.0, 0.0),
        ("42.5", 0.0, 0.0),
    ],
)
def test_noise_is_the_share_of_words_in_no_dictionary(text: str, least: float, most: float) -> None:
    assert least <= default_normaliser().noise(text) <= most
