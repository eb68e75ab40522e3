"""What is kept for learning: sightings, the queue's entries, feedback on answers, examples.

All of it ages, and what one customer wrote can be forgotten at once.

Sightings and feedback have one age: feedback that outlived its sighting would come into the queue a second time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from crm import likeness
from crm.complaints import OPEN_STATES
from crm.models.care import Complaint
from crm.models.catalogue import KnowledgeFeedback
from crm.models.review import NluExample, ReviewEntry, ReviewSighting
from crm.settings import Settings


@dataclass(frozen=True)
class Erased:
    """How many of a customer's sightings, lines of feedback and examples went.

    `examples` above 0: the model in use has learnt them, and the next `trian train` does without.
    """

    sightings: int
    feedback: int
    examples: int


def age(settings: Settings, moment: datetime) -> datetime:
    """What was seen before this moment may go."""
    return moment - timedelta(days=settings.retention_review_days)


def old_feedback(settings: Settings, moment: datetime) -> ColumnElement[bool]:
    """Feedback on answers that is past its age."""
    return KnowledgeFeedback.at < age(settings, moment)


def old_sightings(settings: Settings, moment: datetime) -> ColumnElement[bool]:
    """Sightings that are past their age."""
    return ReviewSighting.at < age(settings, moment)


def old_entries(settings: Settings, moment: datetime) -> ColumnElement[bool]:
    """Entries of which nothing was seen for so long; those that still have a sighting stay with it."""
    seen = exists().where(ReviewSighting.entry_id == ReviewEntry.id)
    return (ReviewEntry.last_at < age(settings, moment)) & ~seen


def old_examples(settings: Settings, moment: datetime) -> ColumnElement[bool]:
    """Examples past their age, and those withdrawn as long ago as a sighting may be old."""
    learnt = moment - timedelta(days=settings.retention_examples_days)
    return or_(NluExample.at < learnt, NluExample.withdrawn_at < age(settings, moment))


def spared(whose: Any) -> Sequence[ColumnElement[bool]]:
    """What is of a customer with an open complaint stays."""
    held = select(Complaint.customer_id).where(Complaint.state.in_(OPEN_STATES))
    return (or_(whose.is_(None), whose.not_in(held)),)


def forget_feedback(session: Session, doomed: Select[Any]) -> int:
    """Deletes feedback; the sighting that came of it stays until its own turn."""
    keys = list(session.scalars(doomed.with_for_update()))
    seen = update(ReviewSighting).where(ReviewSighting.feedback_id.in_(keys))
    session.execute(seen.values(feedback_id=None))
    return _rows(session.execute(delete(KnowledgeFeedback).where(KnowledgeFeedback.id.in_(keys))))


def forget_sightings(session: Session, doomed: Select[Any]) -> int:
    """Deletes sightings; an entry that read as one of them reads as the newest that is left."""
    keys = list(session.scalars(doomed.with_for_update()))
    gone = list(session.scalars(select(ReviewSighting).where(ReviewSighting.id.in_(keys))))
    entries = {sighting.entry_id for sighting in gone if sighting.entry_id is not None}
    texts = {sighting.text for sighting in gone}
    removed = _rows(session.execute(delete(ReviewSighting).where(ReviewSighting.id.in_(keys))))
    locked = select(ReviewEntry).where(ReviewEntry.id.in_(entries)).order_by(ReviewEntry.id)
    for entry in session.scalars(locked.with_for_update()):
        if entry.text in texts:
            _retell(session, entry)
    return removed


def forget_entries(session: Session, doomed: Select[Any]) -> int:
    """Deletes entries that nothing is left of. What was learnt from them stays."""
    locked = list(session.scalars(doomed.with_for_update()))
    # Somebody may have sorted a sighting in before we had the lock.
    seen = select(ReviewSighting.entry_id).where(ReviewSighting.entry_id.in_(locked))
    keys = sorted({*locked} - {*session.scalars(seen)})
    session.execute(update(NluExample).where(NluExample.entry_id.in_(keys)).values(entry_id=None))
    return _rows(session.execute(delete(ReviewEntry).where(ReviewEntry.id.in_(keys))))


def forget_examples(session: Session, doomed: Select[Any]) -> int:
    """Deletes examples; the next training does without them."""
    return _rows(session.execute(delete(NluExample).where(NluExample.id.in_(doomed))))


def forget_customer(session: Session, customer_id: int) -> Erased:
    """Deletes everything that is kept of a customer for learning, whatever its age; entries of nobody else go too.

    A sentence that others typed as well, word for word, stays as theirs.
    """
    mine, said = ReviewSighting.customer_id == customer_id, KnowledgeFeedback.customer_id == customer_id
    entries = set(session.scalars(select(ReviewSighting.entry_id).where(mine)))
    feedback = forget_feedback(session, select(KnowledgeFeedback.id).where(said))
    sightings = forget_sightings(session, select(ReviewSighting.id).where(mine))
    examples = forget_examples(session, select(NluExample.id).where(NluExample.customer_id == customer_id))
    forget_entries(session, select(ReviewEntry.id).where(ReviewEntry.id.in_(entries - {None})))
    return Erased(sightings, feedback, examples)


def _retell(session: Session, entry: ReviewEntry) -> None:
    """Its text and its key were somebody's words. Without any other sighting the entry goes by itself, later."""
    left = select(ReviewSighting.text).where(ReviewSighting.entry_id == entry.id)
    text = session.scalar(left.order_by(ReviewSighting.id.desc()).limit(1))
    if text is None or text == entry.text:
        return
    key = likeness.key(text)
    taken = session.scalar(select(ReviewEntry.id).where(ReviewEntry.key == key, ReviewEntry.id != entry.id))
    suffix = f" {entry.id}"
    entry.text = text
    entry.key = key if taken is None else key[: likeness.LONGEST_KEY - len(suffix)] + suffix


def _rows(result: Any) -> int:
    counted: CursorResult[Any] = result
    return counted.rowcount
