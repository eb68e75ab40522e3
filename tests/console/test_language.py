"""Every word of the console in both languages."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

import console
from console import language, vocabulary

ROOM = Path(console.__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "say": None, "plural": (1, 2)}


def _strings() -> set[str]:
    found = extract_from_dir(ROOM, METHODS, keywords=KEYWORDS)
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def test_every_string_has_a_vietnamese_translation_and_none_is_left_over() -> None:
    strings = _strings()
    assert len(strings) > 150
    catalogue = language.parsed("vi")
    translated = {m.id if isinstance(m.id, str) else m.id[0] for m in catalogue if m.id and m.string and not m.fuzzy}
    assert strings - translated == set()
    assert translated - strings == set()


def test_placeholders_survive_translation() -> None:
    for message in language.parsed("vi"):
        if not message.id:
            continue
        english = message.id if isinstance(message.id, str) else message.id[-1]
        vietnamese = message.string if isinstance(message.string, str) else message.string[-1]
        assert _holes(english) == _holes(vietnamese), english


def _holes(words: str) -> set[str]:
    return {part.partition("}")[0] for part in words.split("{")[1:]}


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_every_value_of_the_crm_has_words(code: str) -> None:
    token = language.of_request.set(code)
    try:
        for enum in vocabulary.words():
            words = [vocabulary.word(member) for member in enum]
            assert all(words), enum
            assert len(set(words)) == len(words), f"two values of {enum.__name__} read the same"
    finally:
        language.of_request.reset(token)


def test_plurals_follow_the_language() -> None:
    token = language.of_request.set("en")
    assert [language.plural("{n} minute", "{n} minutes", n) for n in (1, 2)] == ["1 minute", "2 minutes"]
    language.of_request.set("vi")
    assert language.plural("{n} minute", "{n} minutes", 2) == "2 phút"
    language.of_request.reset(token)
