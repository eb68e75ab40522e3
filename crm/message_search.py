"""Search without accents, in what was said and in customers' names: the database's own index on either kind.

PostgreSQL: a `tsvector` column made of the text, with GIN. SQLite: FTS5, kept by triggers. Both follow every insert,
change and deletion by themselves (migration 09), so what is erased is not found any more.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from crm.models.care import Complaint
from crm.models.catalogue import Purchase
from crm.models.conversations import Author, Message
from crm.models.people import Customer
from crm.text import fold

MOST_WORDS = 8
RECENT = 10_000  # rows; what is not found often among them is rare enough for the index
_WORD = re.compile(r"[a-z0-9]+")
_CODE = re.compile(r"(?=.*\d)[A-Z0-9][A-Z0-9-]{3,31}")
_DIGITS = re.compile(r"\+?[\d .()-]{3,}")


@dataclass(frozen=True)
class Hit:
    """One message found. `text` is as it was written."""

    message_id: int
    conversation_id: int
    author: Author
    text: str
    at: datetime


def words_of(said: str) -> list[str]:
    """What is looked for: words of plain letters and figures, at most MOST_WORDS."""
    return _WORD.findall(fold(said))[:MOST_WORDS]


def find(session: Session, said: str, limit: int = 30, before: int | None = None) -> list[Hit]:
    """Messages that hold every word of `said`, the last one perhaps only begun; newest first.

    Args:
        before: only messages with a smaller number, for the next page.
    """
    ids = _ids(session, "messages", "words", said, limit, before)
    found = select(Message).where(Message.id.in_(ids)).order_by(Message.id.desc())
    return [Hit(m.id, m.conversation_id, m.author, m.text, m.at) for m in session.scalars(found)]


def people(session: Session, said: str, limit: int = 10, *, begun_numbers: bool = False) -> list[Customer]:
    """Customers whose name holds every word of `said`, or whose phone it is; newest first.

    Args:
        begun_numbers: a phone's beginning is enough; for those alone who see whole numbers (`crm.customer_contact`).
    """
    digits = re.sub(r"\D", "", said) if _DIGITS.fullmatch(said.strip()) else ""
    if digits.startswith("84"):
        digits = "0" + digits[2:]
    asked = digits or said
    begun = begun_numbers or not any(map(str.isdigit, "".join(words_of(asked)[-1:])))
    ids = _ids(session, "customers", "search_words", asked, limit, begun=begun)
    there = select(Customer).where(Customer.id.in_(ids), Customer.gone_at.is_(None))
    return list(session.scalars(there.order_by(Customer.id.desc())))


def case(session: Session, said: str) -> Complaint | None:
    """The complaint with this code, however it is capitalized."""
    code = _code(said)
    return session.scalar(select(Complaint).where(Complaint.code == code)) if code else None


def order(session: Session, said: str) -> Purchase | None:
    """The purchase with this order code, however it is capitalized."""
    code = _code(said)
    return session.scalar(select(Purchase).where(Purchase.order_code == code)) if code else None


def _code(said: str) -> str:
    code = said.strip().upper()
    return code if _CODE.fullmatch(code) else ""


def _ids(
    session: Session,
    table: str,
    column: str,
    said: str,
    limit: int,
    before: int | None = None,
    *,
    begun: bool = True,
) -> list[int]:
    """Numbers of the rows that hold every word of `said`; `begun`: the last one may be only begun."""
    words = words_of(said)
    if not words:
        return []
    values: dict[str, int | str] = {"most": limit, "before": before if before is not None else 2**62}
    if session.get_bind().dialect.name == "sqlite":
        asked = " AND ".join(f'"{word}"' for word in words) + "*" * begun
        return list(session.scalars(_in_fts(table), {**values, "asked": asked}))
    values["asked"] = " & ".join(words) + ":*" * begun
    recent = list(session.scalars(_among_recent(table, column), {**values, "recent": RECENT}))
    return recent if len(recent) == limit else list(session.scalars(_in_gin(table, column), values))


def _in_fts(table: str) -> TextClause:
    return text(
        f"SELECT rowid FROM {table}_fts WHERE {table}_fts MATCH :asked AND rowid < :before "
        "ORDER BY rowid DESC LIMIT :most"
    )


# PostgreSQL cannot tell how rare a word is that is only begun: it would walk the whole table for a rare one, or collect
# half of it for a common one. So the newest rows are walked first, and the index is asked for what is rare in them.


def _among_recent(table: str, column: str) -> TextClause:
    newest = f"SELECT id, {column} FROM {table} WHERE id < :before ORDER BY id DESC LIMIT :recent"
    return text(
        f"SELECT id FROM ({newest}) AS newest WHERE {column} @@ to_tsquery('simple', :asked) "
        "ORDER BY id DESC LIMIT :most"
    )


def _in_gin(table: str, column: str) -> TextClause:
    # OFFSET 0 keeps the limit out of the inner question, which is then answered by the index.
    every = f"SELECT id FROM {table} WHERE {column} @@ to_tsquery('simple', :asked) AND id < :before OFFSET 0"
    return text(f"SELECT id FROM ({every}) AS every ORDER BY id DESC LIMIT :most")
