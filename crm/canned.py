"""Ready answers: a title, a text with variables, everybody's or one person's own; found without accents."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, joinedload

from crm import audit, clock, complaints, customers, templates, text
from crm.errors import InvalidInput, NotFound, PermissionDenied
from crm.models.catalogue import Purchase
from crm.models.conversations import Conversation
from crm.models.staff import Role, Staff
from crm.models.talk import CannedAnswer
from crm.words import label

LONGEST_TITLE = 100
LONGEST_TEXT = 3500
MOST_SHOWN = 500
VARIABLES = ("address", "Address", "self", "Self", "name", "agent", "case", "order", "tier", "shop", "hotline", "hours")
# Whoever may change what everybody uses.
KEEPERS = (Role.LEAD, Role.ADMIN, Role.OWNER)
_HOLE = re.compile(r"\{(" + "|".join(VARIABLES) + r")\}")
_BRACES = re.compile(r"\{[^{}]*\}|[{}]")


@dataclass(frozen=True)
class Filled:
    """A ready answer with the customer's words in it; `missing` variables still stand in it in braces."""

    text: str
    missing: tuple[str, ...]


class Holes(InvalidInput):
    """A text that is to be sent still has variables in it; `names` are these."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("holes", f"fill in {', '.join(names)} first")
        self.names = tuple(names)


def of(session: Session, staff: Staff) -> Sequence[CannedAnswer]:
    """What `staff` may use: everybody's and their own, most used first."""
    return usable(session, staff.id)


def usable(session: Session, staff_id: int) -> Sequence[CannedAnswer]:
    """As `of`, for a person known by number."""
    mine = select(CannedAnswer).where(or_(CannedAnswer.owner_id.is_(None), CannedAnswer.owner_id == staff_id))
    ordered = mine.order_by(CannedAnswer.used.desc(), CannedAnswer.title, CannedAnswer.id)
    return session.scalars(ordered.options(joinedload(CannedAnswer.owner)).limit(MOST_SHOWN)).all()


def found(answers: Sequence[CannedAnswer], words: str) -> list[CannedAnswer]:
    """Those that hold all of `words`, accents or none; the ones whose title does come first."""
    wanted = text.fold(words).split()
    hits = [each for each in answers if all(word in each.folded for word in wanted)]
    return sorted(hits, key=lambda each: not all(word in text.fold(each.title) for word in wanted))


def save(
    session: Session, staff: Staff, title: str, words: str, *, shared: bool, answer_id: int | None = None
) -> CannedAnswer:
    """Makes or changes one. Raises InvalidInput ("title", "canned_text"), PermissionDenied and NotFound."""
    title, words = " ".join(text.clean(title).split()), text.clean(words)
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise InvalidInput("title", f"1 to {LONGEST_TITLE} characters")
    if not 1 <= len(words) <= LONGEST_TEXT or any(not _HOLE.fullmatch(each) for each in _BRACES.findall(words)):
        raise InvalidInput("canned_text", f"1 to {LONGEST_TEXT} characters; braces only around {', '.join(VARIABLES)}")
    answer = _changeable(session, staff, answer_id) if answer_id is not None else CannedAnswer(used=0)
    if shared and staff.role not in KEEPERS:
        raise PermissionDenied("only a lead changes what everybody uses")
    answer.title, answer.text, answer.folded = title, words, text.fold(f"{title} {words}")
    answer.owner_id = None if shared else (answer.owner_id or staff.id)
    answer.changed_at = clock.now()
    session.add(answer)
    session.flush()
    audit.record(session, staff, "save_canned", "canned_answer", answer.id, shared=shared)
    return answer


def delete(session: Session, staff: Staff, answer_id: int) -> None:
    """Takes one away. Raises PermissionDenied and NotFound."""
    answer = _changeable(session, staff, answer_id)
    session.delete(answer)
    audit.record(session, staff, "delete_canned", "canned_answer", answer_id)


def may_change(role: Role, staff_id: int, answer: CannedAnswer) -> bool:
    """Whether a person may change or delete it: their own, or everybody's for a lead."""
    return answer.owner_id == staff_id or (answer.owner_id is None and role in KEEPERS)


def fill(session: Session, answer_id: int, conversation: Conversation, staff: Staff) -> Filled:
    """The answer for this customer. What is not known of them stays in braces. Counts the use. Raises NotFound."""
    answer = session.get(CannedAnswer, answer_id)
    if answer is None or answer.owner_id not in (None, staff.id):
        raise NotFound(f"canned answer {answer_id}")
    session.execute(update(CannedAnswer).where(CannedAnswer.id == answer_id).values(used=CannedAnswer.used + 1))
    return filled(answer.text, words_of(session, conversation, staff))


def filled(words: str, values: dict[str, str]) -> Filled:
    """`words` with what `values` knows; somebody without a name is called by the form of address alone."""
    if not values.get("name"):
        words = templates.without_name(words)
    known = {name: value for name, value in values.items() if value}
    done = _HOLE.sub(lambda hole: known.get(hole[1], hole[0]), words)
    return Filled(done, holes(done))


def holes(words: str) -> tuple[str, ...]:
    """The variables that still stand in `words`, each once, in their order."""
    return tuple(dict.fromkeys(_HOLE.findall(words)))


def refuse_holes(words: str) -> None:
    """Raises Holes for a text that would be sent with a hole in it."""
    if missing := holes(words):
        raise Holes(missing)


def words_of(session: Session, conversation: Conversation, staff: Staff) -> dict[str, str]:
    """Every variable for this customer; empty where nothing is known."""
    customer = conversation.customer
    cases = complaints.of_customer(session, customer.id)
    case = next((each.code for each in cases if each.state in complaints.OPEN_STATES), "")
    newest = select(Purchase.order_code).where(Purchase.customer_id == customer.id)
    order = session.scalar(newest.order_by(Purchase.purchased_at.desc(), Purchase.id.desc()).limit(1))
    own = customers.words_for(customer)
    name = own["name"] if any(letter.isalnum() for letter in own["name"]) else ""
    return {
        **templates.shop_words(),
        **own,
        "name": name,
        "agent": text.given_name(staff.name),
        "case": case,
        "order": order or "",
        "tier": label(f"tier.{customer.tier.value}"),
    }


def _changeable(session: Session, staff: Staff, answer_id: int) -> CannedAnswer:
    answer = session.get(CannedAnswer, answer_id)
    if answer is None:
        raise NotFound(f"canned answer {answer_id}")
    if not may_change(staff.role, staff.id, answer):
        raise PermissionDenied(f"canned answer {answer_id} is not theirs")
    return answer
