"""How the review queue fills: a row within the turn's own commit; likeness is looked for when somebody looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import clock, leases, likeness, retention_review, review
from crm.masking import masked
from crm.models.catalogue import KnowledgeFeedback, KnowledgeFeedbackKind
from crm.models.review import NluExample, ReviewEntry, ReviewReason, ReviewSighting, ReviewState
from crm.settings import settings

LEASE = "review"
LEASE_TTL_S = 60.0
BATCH = 100
MAX_TEXT = 2000
MAX_RANKING = 5
UNSURE = "nlu_fallback"
_BY_INTENT = {UNSURE: ReviewReason.UNCERTAIN, "out_of_scope": ReviewReason.REJECTED}
_BY_FEEDBACK = {
    KnowledgeFeedbackKind.NOT_HELPFUL: ReviewReason.NOT_HELPFUL,
    KnowledgeFeedbackKind.UNANSWERED: ReviewReason.UNANSWERED,
}


@dataclass(frozen=True)
class Heard:
    """What the understanding made of a message.

    `ranking`: [{"name", "confidence"}], best first, the decision not to be sure left out. `answers_form`: it was taken
    as the answer to a question, which needs no intent.
    """

    intent: str | None
    confidence: float = 0.0
    ranking: Sequence[dict[str, Any]] = field(default_factory=tuple)
    model: str | None = None
    answers_form: bool = False


def notice(
    session: Session, text: str, heard: Heard, *, customer_id: int, conversation_id: int, turn_id: str
) -> ReviewSighting | None:
    """Keeps a message that was not understood; None when it was. One insert: a turn must not wait for likeness."""
    reason = _BY_INTENT.get(heard.intent or "")
    if reason is None or heard.answers_form or not text.strip():
        return None
    best: dict[str, Any] = {"name": heard.intent, "confidence": heard.confidence}
    if heard.ranking:
        best = heard.ranking[0]
    sighting = ReviewSighting(
        reason=reason,
        text=masked(text[:MAX_TEXT]),
        guess=best["name"],
        confidence=float(best["confidence"]),
        ranking=list(heard.ranking[:MAX_RANKING]),
        model=heard.model,
        customer_id=customer_id,
        conversation_id=conversation_id,
        turn_id=turn_id,
        at=clock.now(),
    )
    session.add(sighting)
    return sighting


def collect(session: Session, owner: str) -> int:
    """Sorts new sightings, feedback on the knowledge included, into the entries they are like, or new ones.

    At most BATCH, so that a turn never waits long for the database: call it, in a transaction each, until it returns 0.
    `owner` names who collects: of two at once one waits, or leaves it to the other. Returns how many were sorted.
    """
    if leases.acquire(session, LEASE, owner, LEASE_TTL_S) is None:
        return 0
    _take_feedback(session)
    fresh = select(ReviewSighting).where(ReviewSighting.entry_id.is_(None)).order_by(ReviewSighting.id)
    sightings = list(session.scalars(fresh.limit(BATCH)))
    keys = session.scalars(select(ReviewEntry.key)) if sightings else ()
    known = {key: likeness.joined(key) for key in keys}
    for sighting in sightings:
        _sort_in(session, sighting, known)
    leases.release(session, LEASE, owner)
    return len(sightings)


def _take_feedback(session: Session) -> None:
    taken = select(ReviewSighting.id).where(ReviewSighting.feedback_id == KnowledgeFeedback.id)
    news = select(KnowledgeFeedback).where(KnowledgeFeedback.kind.in_(_BY_FEEDBACK), ~taken.exists())
    news = news.where(func.trim(KnowledgeFeedback.question) != "")
    # What is about to be forgotten does not come into the queue a second time.
    news = news.where(~retention_review.old_feedback(settings(), clock.now()))
    for said in session.scalars(news.order_by(KnowledgeFeedback.id).limit(BATCH)):
        session.add(
            ReviewSighting(
                reason=_BY_FEEDBACK[said.kind],
                text=masked(said.question[:MAX_TEXT]),
                customer_id=said.customer_id,
                feedback_id=said.id,
                at=said.at,
            )
        )
    session.flush()


def _sort_in(session: Session, sighting: ReviewSighting, known: dict[str, str]) -> None:
    wanted = likeness.key(sighting.text)
    same = wanted if wanted in known else likeness.closest(wanted, known)
    if same is None:
        entry = _new_entry(session, wanted, sighting)
        known[wanted] = likeness.joined(wanted)
    else:
        entry = session.scalars(select(ReviewEntry).where(ReviewEntry.key == same)).one()
    entry.count += 1
    if sighting.at >= entry.last_at:
        entry.last_at, entry.reason = sighting.at, sighting.reason
    sighting.entry_id = entry.id
    if _decision_did_not_help(session, entry, sighting):
        review.reopen(session, entry)


def _new_entry(session: Session, key: str, sighting: ReviewSighting) -> ReviewEntry:
    first = {"first_at": sighting.at, "last_at": sighting.at, "state": ReviewState.OPEN, "count": 0}
    entry = ReviewEntry(key=key, text=sighting.text, reason=sighting.reason, **first)
    session.add(entry)
    session.flush()
    return entry


def _decision_did_not_help(session: Session, entry: ReviewEntry, sighting: ReviewSighting) -> bool:
    """Whether the message came again although a model that has learnt it, or a newer article, was to answer it."""
    if entry.state is ReviewState.ANSWERED:
        return sighting.feedback_id is not None and entry.decided_at is not None and sighting.at > entry.decided_at
    if entry.state is not ReviewState.ASSIGNED or sighting.model is None:
        return False
    learnt = select(NluExample.id).where(NluExample.entry_id == entry.id, NluExample.trained_in == sighting.model)
    return session.scalar(learnt.limit(1)) is not None
