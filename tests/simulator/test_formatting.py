from typing import Any

import pytest

from simulator.entities import format_text, utf16_length
from simulator.errors import ApiError
from simulator.media import picture_size, sample_png


def shown(source: str, mode: str | None = None) -> tuple[str, list[tuple[str, int, int]]]:
    text, entities = format_text(source, mode, None)
    return text, [(e["type"], e["offset"], e["length"]) for e in entities]


def test_html_becomes_text_and_entities_counted_in_utf16_units() -> None:
    assert shown("😀<b>Chào <i>chị</i></b> &lt;3 &amp; &quot;", "HTML") == (
        '😀Chào chị <3 & "',
        [("bold", 2, 8), ("italic", 7, 3)],
    )


def test_a_link_keeps_its_address_and_code_hides_commands() -> None:
    _, entities = format_text('<a href="https://x.vn/?a=1&amp;b=2">đây</a> <code>/start</code> /menu', "HTML", None)
    assert entities[0]["url"] == "https://x.vn/?a=1&b=2"
    assert [e["type"] for e in entities] == ["text_link", "code", "bot_command"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<b>đậm", 'Can\'t find end tag corresponding to start tag "b"'),
        ("đậm</b>", "Unexpected end tag at byte offset 6"),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("giá <3 triệu>", 'Unsupported start tag "3" at byte offset 5'),
        ("yêu <3", "Unclosed start tag at byte offset 5"),
        ("<script>x</script>", 'Unsupported start tag "script" at byte offset 0'),
        ("<span>x</span>", 'Unsupported start tag "span" at byte offset 0'),
    ],
)
def test_broken_html_is_refused_in_telegrams_words(source: str, words: str) -> None:
    with pytest.raises(ApiError) as refused:
        format_text(source, "HTML", None)
    assert refused.value.description == f"Bad Request: can't parse entities: {words}"


def test_markdown_v2() -> None:
    source = r"*đậm _nghiêng_* __gạch__ `a.b` ||kín|| \*sao\* [đây](https://x.vn/\))"
    assert shown(source, "MarkdownV2") == (
        "đậm nghiêng gạch a.b kín *sao* đây",
        [
            ("bold", 0, 11),
            ("italic", 4, 7),
            ("underline", 12, 4),
            ("code", 17, 3),
            ("spoiler", 21, 3),
            ("text_link", 31, 3),
        ],
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("xong.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("*đậm", "Can't find end of Bold entity"),
        ("`mã", "Can't find end of Code entity"),
        ("[đây](https://x.vn", "Can't find end of a URL"),
    ],
)
def test_broken_markdown_v2_is_refused(source: str, words: str) -> None:
    with pytest.raises(ApiError) as refused:
        format_text(source, "MarkdownV2", None)
    assert words in refused.value.description


def test_outer_space_goes_and_given_entities_move_with_the_text() -> None:
    given: list[dict[str, Any]] = [{"type": "bold", "offset": 2, "length": 20}]
    assert format_text("\n chào \n", None, given) == ("chào", [{"type": "bold", "offset": 0, "length": 4}])


def test_lengths_are_those_of_telegram() -> None:
    assert utf16_length("chào") == 4
    assert utf16_length("😀") == 2


def test_a_picture_is_known_by_its_bytes() -> None:
    assert picture_size(sample_png(300, 20)) == (300, 20)
    assert picture_size(b"GIF89a\x05\x00\x07\x00") == (5, 7)
    assert picture_size(b"%PDF-1.7") is None
