"""Every value of the CRM that a screen shows, in a word or two; one module a topic, each with `words()`."""

from enum import StrEnum

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
    return words()[type(value)][value]


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    """By type first: members of different enums with the same value are equal."""
    return {enum: known for topic in TOPICS for enum, known in topic.words().items()}
