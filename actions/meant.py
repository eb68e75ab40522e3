"""What a correction after an answer means: the question it puts right, and the product or order it names instead."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from actions.clauses import Second, first_clause
from actions.subjects import called, products_meant
from actions.turn import FALLBACK, Turn
from crm import catalogue
from crm.models.catalogue import Product
from crm.words import mentioned, normal, words

LONG_WORDS = 16
MAX_REST = 2
OF_PRODUCTS = frozenset({"product_usage", "product_info", "ask_price", "recommend_product", "warranty"})
OF_ORDERS = frozenset({"order_status", "warranty"})
_PASSED_BY = frozenset({"deny", "inform", "thank", FALLBACK})


@dataclass(frozen=True)
class Correction:
    """The `questions` once more (each an intent and its words), about `product` or the order `order_code`.

    With neither of them it is another order, which the customer has yet to name.
    """

    questions: tuple[tuple[str, str], ...]
    product: Product | None = None
    order_code: str | None = None


def corrects(said: str) -> bool:
    """Whether the customer puts right what they said ("no, the other one")."""
    lists = words("dialogue")
    spoken, spelt = normal(said), unicodedata.normalize("NFC", said.lower())
    if not spoken or len(spoken.split()) > LONG_WORDS:
        return False
    if mentioned(said, lists["corrections"]) is not None:
        return True
    spelt_so = any(re.search(pattern, spelt) for pattern in lists["correction_spelt"])
    return spelt_so or any(re.search(pattern, spoken) for pattern in lists["correction_patterns"])


def amount_in(said: str) -> int | None:
    """How many pieces are wanted ("two of these"); None where it is not said."""
    numbers = words("dialogue")["amounts"]
    spelt = "|".join(sorted(map(normal, numbers), key=len, reverse=True))
    found = re.search(rf"\b(\d{{1,2}}|{spelt}) (?:{'|'.join(words('dialogue')['pieces'])})\b", normal(said))
    if found is None:
        return None
    return int(found[1]) if found[1].isdigit() else {normal(word): n for word, n in numbers.items()}[found[1]]


def correction_of(session: Session, turn: Turn) -> Correction | None:
    """What the message puts right; None where it is no correction, or asks something of its own."""
    if turn.pressed or not corrects(turn.text):
        return None
    asked = _last_questions(turn)
    of_orders = tuple(one for one in asked if one[0] in OF_ORDERS)
    code = turn.entity("order_code")
    if code is not None:
        return Correction(of_orders or (("order_status", ""),), order_code=code)
    if of_orders and mentioned(turn.text, words("dialogue")["other_order"]):
        return Correction(of_orders)
    of_products = [one for one in asked if one[0] in OF_PRODUCTS]
    meant = _meant_instead(session, turn) if of_products else None
    if meant is None or len(_rest(turn.text, meant)) > MAX_REST:
        return None
    renamed = (
        (intent, _renamed(said, catalogue.mentioned(session, said), called(meant))) for intent, said in of_products
    )
    return Correction(tuple(renamed), product=meant)


def without_denied(said: str) -> str:
    """What is left of `said` without the clause that says what is not meant."""
    turns = "|".join(words("dialogue")["turns"])
    clauses = [clause for clause in re.split(rf"[,.;!?\n…]+|(?<!\w)(?:{turns})(?!\w)", said) if clause.strip()]
    return ", ".join(clause.strip() for clause in clauses if not _is_denied(clause))


def _is_denied(clause: str) -> bool:
    """Whether what follows in the clause is what is not meant."""
    return re.match(words("dialogue")["denied"], normal(clause)) is not None


def _meant_instead(session: Session, turn: Turn) -> Product | None:
    """The one product that is meant, without the one that it is not."""
    kept = without_denied(turn.text)
    named = products_meant(session, turn, kept) if kept else []
    if not named and kept != turn.text:
        named = products_meant(session, turn, turn.text)
        if len(named) == 1:
            return None  # only what it is not
    if len(named) == 2 and _is_denied(turn.text):
        named = named[1:]
    return named[0] if len(named) == 1 else None


def _last_questions(turn: Turn) -> list[tuple[str, str]]:
    """What was asked last before this message and other corrections: intents with their words; empty without any."""
    for parsed in turn.earlier:
        said = str(parsed.get("text") or "")
        intent = str((parsed.get("intent") or {}).get("name") or "")
        pressed = said.startswith("/")
        if intent in _PASSED_BY or (not pressed and corrects(said)):
            continue
        second = None if pressed else Second.of(parsed)
        if second is None:
            return [(intent, "" if pressed else said)]
        both = [(intent, first_clause(said, second)), (second.name, second.text)]
        return both if said.strip().startswith(both[0][1]) else both[::-1]
    return []


def _rest(said: str, product: Product) -> list[str]:
    """The words of a correction that are neither the product's name nor what corrections are made of."""
    left = normal(_renamed(said, [product], " "))
    small = {normal(word) for name in ("polite", "correction_rest") for word in words("dialogue")[name]}
    return [word for word in left.split() if word not in small]


def _renamed(said: str, products: Sequence[Product], by: str) -> str:
    """`said` with the names of `products` replaced, as far as they are typed word for word."""
    tokens = list(re.finditer(r"\w+", said))
    plain = [normal(token[0]) for token in tokens]
    names = [normal(name).split() for p in products for name in (p.name, p.sku, *map(str, p.aliases))]
    for name in sorted(filter(None, names), key=len, reverse=True):
        for start in range(len(plain) - len(name) + 1):
            if plain[start : start + len(name)] == name:
                end = tokens[start + len(name) - 1].end()
                return said[: tokens[start].start()] + by + said[end:]
    return said
