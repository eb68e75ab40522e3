"""What a customer says of themselves: name, phone, birthday, form of address (`data/words/profile.yml`)."""

import itertools
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from crm.birthdays import FIGURES, Birthday, birthday_in
from crm.models.people import Address, Customer
from crm.words import mentioned, normal, words

_PHONE = re.compile(r"(?<![\w/])(?:\+?84|0)(?:[\s.\-]?\d){5,13}(?![\d/])")
_NAME_WORD = re.compile(r"[^\W\d_][\w'’\-]*")
_MAX_NAME_WORDS = 6
SELF_WORDS = 2
MAX_SELF_WORDS = 6


@dataclass(frozen=True)
class Said:
    """Whatever of these the message gives. `phone` is as typed: crm.customers.set_phone judges it."""

    name: str | None = None
    phone: str | None = None
    birthday: Birthday | None = None
    address: Address | None = None

    @property
    def anything(self) -> bool:
        return any((self.name, self.phone, self.birthday, self.address))


def said_in(message: str) -> Said:
    """Everything the message says of the customer."""
    phone = _PHONE.search(FIGURES.sub(" ", message))
    rest = message.replace(phone[0], " ") if phone else message
    return Said(
        name=name_in(rest), phone=phone[0] if phone else None, birthday=birthday_in(rest), address=address_in(rest)
    )


def address_in(message: str) -> Address | None:
    """The form of address asked for: "gọi chị nha", "kêu tui là chú", "chị chứ không phải anh"."""
    lists = words("profile")
    said = normal(message)
    if mentioned(message, lists["is_female"]):
        return Address.CHI
    if mentioned(message, lists["is_male"]):
        return Address.ANH
    forms = {normal(form): Address(key) for key, known in lists["address"].items() for form in known}
    calls = sorted((normal(phrase) for phrase in lists["call_me"]), key=len, reverse=True)
    own = "toi|tui|minh|em|tao|anh|chi|co|chu|bac"
    pattern = rf"\b(?:{'|'.join(calls)})\s+(?:(?:{own})\s+)?(?:la\s+|bang\s+)?({'|'.join(forms)})\b"
    wanted = [found[1] for found in re.finditer(pattern, said)]
    corrected = re.search(rf"\b({'|'.join(forms)})\s+(?:chu\s+)?(?:khong|ko|k|hong)\s+phai\b", said)
    denied = {
        found[1]
        for found in re.finditer(rf"(?:khong phai|dung|ko phai)\s+(?:la\s+|goi\s+|keu\s+)?({'|'.join(forms)})\b", said)
    }
    choice = [corrected[1]] if corrected else [form for form in wanted if form not in denied]
    return forms[choice[-1]] if choice else None


def hear(customer: Customer, message: str) -> None:
    """Keeps the form of address the customer uses of themselves, as long as none is on record."""
    if customer.address is Address.UNKNOWN and (form := own_form(message)) is not None:
        customer.address = form


def own_form(message: str) -> Address | None:
    """The form of address the speaker uses of themselves: "bác muốn hỏi", "cô Lan đây". None unless it is plain.

    "Chị ơi" calls the shop, and so may "anh có thể …": only what a speaker says of themselves counts.
    """
    known = words("profile")["own"]
    if mentioned(message, known["others"]):
        return None
    clauses = [
        re.findall(r"\w+", clause) for clause in re.split(r"[^\w\s]+", unicodedata.normalize("NFC", message.lower()))
    ]
    elders = {} if _is_younger(clauses, known["younger"]) else known["elders"]
    found = {form for clause in clauses if (form := _own_form_in(clause, known, elders)) is not None}
    return Address(found.pop()) if len(found) == 1 else None


def _own_form_in(clause: list[str], known: dict[str, Any], elders: dict[str, str]) -> str | None:
    """What the one clause asks for: by its subject, by an owner in it, or by whom the shop shall let do or help."""
    rest = _without_greeting(clause, known["greets"])
    if rest and rest[0] in known["forms"]:
        return str(known["forms"][rest[0]]) if _of_themselves(rest, known) else None
    if rest and rest[0] in elders:
        return elders[rest[0]] if _does(rest, known["elders_do"]) else None
    if len(rest) > SELF_WORDS and rest[0] in known["lets"] and rest[1] in known["forms"]:
        return str(known["forms"][rest[1]]) if rest[2] in known["after_lets"] else None
    helped = any(word in known["before_helps"] for word in rest)
    around = (("of", "after_of"), ("helps", "after_helps"))[: 2 if helped else 1]
    for before, form, after in zip(clause, clause[1:], [*clause[2:], ""], strict=False):
        for ahead, behind in around:
            if before in known[ahead] and form in known["forms"] and (not after or after in known[behind]):
                return str(known["forms"][form])
    return None


def _without_greeting(clause: list[str], greets: list[str]) -> list[str]:
    """The clause without calls ("con ơi") and words of greeting before it."""
    while clause and (clause[0] in greets or clause[1:2] == ["ơi"]):
        clause = clause[1:] if clause[0] in greets else clause[2:]
    return clause


def _of_themselves(clause: list[str], known: dict[str, Any]) -> bool:
    """Whether the form that the clause begins with is the speaker's: by what it does, or as in "bác Tư đây"."""
    if SELF_WORDS < len(clause) <= MAX_SELF_WORDS and clause[-1] in known["here"] and clause[1] != "ở":
        return True
    return _does(clause, known["does"])


def _is_younger(clauses: list[list[str]], younger: list[str]) -> bool:
    """Whether a grandchild speaks, who says "con" or "cháu" of themselves, and does not call anybody so ("con ơi")."""
    return any(
        word in younger and after != "ơi" for clause in clauses for word, after in itertools.pairwise([*clause, ""])
    )


def _does(clause: list[str], verbs: list[str]) -> bool:
    return f"{' '.join(clause[1:])} ".startswith(tuple(f"{verb} " for verb in verbs))


def bare_address(message: str) -> Address | None:
    """A form of address alone, as an answer: "chị", "chú nha"."""
    tokens = normal(message).split()
    forms = {normal(form): Address(key) for key, known in words("profile")["address"].items() for form in known}
    return forms.get(tokens[0]) if tokens and len(tokens) <= 3 else None


def name_in(message: str) -> str | None:
    """The name after "tên là", "mình tên" …, as it was written."""
    tokens = re.findall(r"[^\s,.;:!?()]+|[,.;!?()]", message)
    plain = [normal(token) for token in tokens]
    for phrase in sorted((normal(p).split() for p in words("profile")["name_is"]), key=len, reverse=True):
        for start in range(len(plain) - len(phrase)):
            if plain[start : start + len(phrase)] == phrase:
                return bare_name(" ".join(tokens[start + len(phrase) :]))
    return None


def bare_name(message: str) -> str | None:
    """The name that the message begins with, up to a word that no name goes on with. None if there is none."""
    ends = set(words("profile")["name_ends"])
    folded_ends = {normal(word) for word in ends}
    parts: list[str] = []
    for token in re.findall(r"[^\s,.;:!?()]+|[,.;!?()]", message)[: _MAX_NAME_WORDS + 1]:
        if not _NAME_WORD.fullmatch(token):
            break
        if token.islower() and (token in ends or (token.isascii() and token in folded_ends)):
            break
        parts.append(token)
    if not parts or len(parts) > _MAX_NAME_WORDS:
        return None
    name = " ".join(parts)
    return name.title() if name.islower() or name.isupper() else name
