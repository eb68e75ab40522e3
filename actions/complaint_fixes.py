"""What a customer puts right in a complaint under way: the product, the time, the phone number, the story."""

import re
from typing import Any

from sqlalchemy.orm import Session

from actions.complaint import since_in, subject_of
from actions.meant import corrects, without_denied
from actions.turn import Turn
from crm import customers
from crm.words import mentioned, normal, words

_READ_BACK = ("complaint_confirm", "complaint_edit")
_PHONE = re.compile(r"(?:\+?84|0)\d{9}(?!\d)")
OPENING = 40
MIN_STORY_WORDS = 4
SHORT_WORDS = 7


def fixes(session: Session, turn: Turn, asked: str) -> dict[str, Any]:
    """The slots that the message puts right; empty where it is no correction, or does not say the right value.

    Only what was told before is put right: at the question itself the same words are its answer. At the read-back a
    value alone is enough ("0912 345 678"), unless it comes with a yes; a longer message is more of the story.
    """
    short = len(normal(turn.text).split()) <= SHORT_WORDS
    bare = asked in _READ_BACK and turn.intent != "affirm"
    if turn.pressed or not turn.text:
        return {}
    if (number := phone_in(turn.text)) is not None and turn.slot("complaint_contact") is not None:
        return {"complaint_contact": number}
    if bare and (story := _retold(turn.text)) is not None:
        return {"complaint_description": story}
    if corrects(turn.text) or (bare and short):
        return _found(session, turn, without_denied(turn.text) or turn.text)
    return {}


def _found(session: Session, turn: Turn, said: str) -> dict[str, Any]:
    subject = subject_of(session, turn.customer(session).id, said)
    if subject is not None:
        return subject if turn.slot("complaint_subject") is not None else {}
    since = since_in(said)
    return {"complaint_since": since} if since and turn.slot("complaint_since") is not None else {}


def phone_in(said: str) -> str | None:
    """The phone number typed in `said`, as it is kept."""
    number = _PHONE.search(re.sub(r"[\s.\-()]", "", said))
    return customers.national_phone(number[0]) if number else None


def _retold(said: str) -> str | None:
    """The story told anew: what follows "change the story to"."""
    lists = words("complaint")
    names_part = mentioned(said[:OPENING], lists["parts"]["complaint_description"])
    if not names_part or not mentioned(said[:OPENING], [*lists["edit"], names_part]):
        return None
    opens = "|".join(words("dialogue")["retold"])
    found = re.match(rf".{{0,{OPENING}}}?(?:\b(?:{opens})\b|:)\s*(?P<story>.+)$", said, re.IGNORECASE | re.DOTALL)
    return found["story"].strip() if found and len(normal(found["story"]).split()) >= MIN_STORY_WORDS else None
