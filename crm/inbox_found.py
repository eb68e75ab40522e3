"""What a search of the inbox finds: a case or an order by its code, people by name or phone, and what was said."""

import re
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import message_search
from crm.message_search import Hit, words_of
from crm.models.care import Complaint
from crm.models.conversations import Conversation
from crm.models.people import Customer, Tier
from crm.text import fold

AROUND = 60  # characters shown before the first word that was found
LONGEST = 160


@dataclass(frozen=True)
class Person:
    """A customer; `conversation_id` is None for one who never wrote. `order` is the code that led here, if one did."""

    customer_id: int
    conversation_id: int | None
    name: str
    tier: Tier
    order: str = ""


@dataclass(frozen=True)
class Said:
    """A message with whose conversation it stands in."""

    hit: Hit
    person: Person


@dataclass(frozen=True)
class Found:
    """`more`: the number of the message before which the next page begins, None on the last one."""

    case: Complaint | None
    people: list[Person]
    said: list[Said]
    more: int | None

    def __bool__(self) -> bool:
        return self.case is not None or bool(self.people) or bool(self.said)


def look_for(
    session: Session, words: str, limit: int = 30, before: int | None = None, *, begun_numbers: bool = False
) -> Found:
    """Everything that `words` lead to. Pages after the first (`before`) hold messages only.

    Args:
        begun_numbers: people are found by the beginning of their phone too (`message_search.people`).
    """
    hits = message_search.find(session, words, limit + 1, before)
    said = _with_people(session, hits[:limit])
    more = hits[limit - 1].message_id if len(hits) > limit else None
    if before is not None:
        return Found(None, [], said, more)
    order = message_search.order(session, words)
    customers = message_search.people(session, words, begun_numbers=begun_numbers)
    if order is not None:
        customers = [session.get_one(Customer, order.customer_id)]
    people = _people(session, customers, order.order_code if order is not None else "")
    return Found(message_search.case(session, words), people, said, more)


def parts(text: str, words: str) -> list[tuple[str, bool]]:
    """`text` around what was found in it, in pieces; True for those that match `words`, accents or none."""
    plain = "".join((fold(letter) or letter)[0] for letter in text)
    wanted = "|".join(re.escape(word) for word in words_of(words))
    spans = [match.span() for match in re.finditer(rf"(?<![a-z0-9])(?:{wanted})", plain)] if wanted else []
    start = max(0, spans[0][0] - AROUND) if spans else 0
    end, pieces, at = min(len(text), start + LONGEST), [("…", False)] if start else [], start
    for left, right in spans:
        if right <= end:
            pieces += [(text[at:left], False), (text[left:right], True)]
            at = right
    pieces += [(text[at:end], False), ("…" if end < len(text) else "", False)]
    return [(piece, hit) for piece, hit in pieces if piece]


def _with_people(session: Session, hits: list[Hit]) -> list[Said]:
    wanted = {hit.conversation_id for hit in hits}
    rows = select(Conversation.id, Customer).join(Customer, Customer.id == Conversation.customer_id)
    by_number = {
        number: Person(customer.id, number, customer.name, customer.tier)
        for number, customer in session.execute(rows.where(Conversation.id.in_(wanted)))
    }
    return [Said(hit, by_number[hit.conversation_id]) for hit in hits if hit.conversation_id in by_number]


def _people(session: Session, customers: list[Customer], order: str) -> list[Person]:
    talks = select(Conversation.customer_id, Conversation.id).where(
        Conversation.customer_id.in_([each.id for each in customers])
    )
    newest = dict(session.execute(talks.order_by(Conversation.last_message_at, Conversation.id)).all())
    return [Person(each.id, newest.get(each.id), each.name, each.tier, order) for each in customers]
