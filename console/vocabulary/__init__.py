"""Every value of the CRM that a screen shows, in a word or two; one module a topic, each with `words()`."""

from enum import StrEnum
from functools import lru_cache

from console.language import LANGUAGES, current
from console.vocabulary import (
    care,
    cases,
    customers,
    inbox,
    integrations,
    learning,
    messages,
    people,
    safety,
    service,
    talk,
)

TOPICS = (care, cases, customers, inbox, integrations, learning, messages, people, safety, service, talk)


def word(value: StrEnum) -> str:
    """The value in a word or two; KeyError for an enum that no topic has entered."""
    return _words_in(current())[type(value)][value]


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    """By type first: members of different enums with the same value are equal."""
    return {enum: known for topic in TOPICS for enum, known in topic.words().items()}


@lru_cache(maxsize=len(LANGUAGES))
def _words_in(_language: str) -> dict[type[StrEnum], dict[StrEnum, str]]:
    """`words()` of the language that is the current one; a list of fifty lines asks for some two hundred of them."""
    return words()
