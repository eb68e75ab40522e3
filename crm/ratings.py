"""How satisfied customers are: a score, a reason, and what it rates."""

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, escalations, receipts, recovery, surveys
from crm.errors import InvalidInput
from crm.models.care import Complaint, Rating
from crm.models.conversations import Conversation, EscalationReason

LOW = 2
SAME_MATTER = timedelta(hours=1)
_BUTTON = "/rate_service"


def rate(session: Session, conversation: Conversation, score: int, complaint_id: int | None = None) -> Rating:
    """Stores the score at once, before any reason is asked, with who had answered and what the customer was then.

    1 and 2 call a person in without silencing the assistant, and open a task for a lead (`crm.recovery`).

    Raises:
        InvalidInput: the score is not 1 to 5, or the complaint is not this customer's.
    """
    if not 1 <= score <= 5:
        raise InvalidInput("score", "1 to 5")
    complaint = session.get(Complaint, complaint_id) if complaint_id is not None else None
    if complaint_id is not None and (complaint is None or complaint.customer_id != conversation.customer_id):
        raise InvalidInput("complaint_id", "not a complaint of this customer")
    asked = surveys.of_complaint(session, complaint_id) if complaint_id is not None else None
    rating = Rating(
        customer_id=conversation.customer_id,
        complaint_id=complaint_id,
        score=score,
        at=clock.now(),
        staff_id=asked.staff_id if asked else complaint.owner_id if complaint else None,
        tier=asked.tier if asked else conversation.customer.tier,
    )
    session.add(rating)
    session.flush()
    if score <= LOW:
        _call(session, conversation, rating)
    return rating


def _call(session: Session, conversation: Conversation, rating: Rating) -> None:
    complaint = session.get(Complaint, rating.complaint_id) if rating.complaint_id is not None else None
    note = f"{rating.score}/5" + (f" {complaint.code}" if complaint else "")
    escalations.open_for(session, conversation, EscalationReason.LOW_RATING, note=note, silence=False)
    recovery.open_for(session, rating)


def given(session: Session, customer_id: int, complaint_id: int | None, rating_id: object = None) -> Rating | None:
    """The rating that a further score corrects: the one of this complaint, else the one just given (`rating_id`)."""
    if complaint_id is not None:
        mine = select(Rating).where(Rating.customer_id == customer_id, Rating.complaint_id == complaint_id)
        return session.scalar(mine.order_by(Rating.id.desc()).limit(1))
    just = session.get(Rating, int(str(rating_id))) if rating_id is not None else None
    return just if just is not None and just.customer_id == customer_id and just.complaint_id is None else None


def press(session: Session, conversation: Conversation, payload: str, turn_id: str) -> Rating | None:
    """Stores the score of a survey's button pressed while people answer, once a turn; None: it is no such button.

    As when the assistant is told it (actions/rating.py): a further score about one thing corrects the first.
    """
    if not payload.startswith(_BUTTON + "{"):
        return None
    said, customer_id = json.loads(payload.removeprefix(_BUTTON)), conversation.customer_id
    score, named = int(said["score"]), said.get("complaint_id")
    complaint_id = int(named) if named else surveys.awaited(session, customer_id, clock.now())

    def store() -> dict[str, Any]:
        rated = given(session, customer_id, complaint_id, _just_now(session, customer_id))
        kept = amend(session, conversation, rated, score) if rated else rate(session, conversation, score, complaint_id)
        return {"rating_id": kept.id, "score": score}

    try:
        return session.get(Rating, receipts.once(session, turn_id, "rate_service", store)["rating_id"])
    except InvalidInput:  # about a complaint that is gone
        return None


def _just_now(session: Session, customer_id: int) -> int | None:
    """The number of the rating of the service as a whole that was given a moment ago: the next score corrects it."""
    mine = select(Rating.id).where(Rating.customer_id == customer_id, Rating.complaint_id.is_(None))
    return session.scalar(mine.where(Rating.at > clock.now() - SAME_MATTER).order_by(Rating.id.desc()).limit(1))


def amend(session: Session, conversation: Conversation, rating: Rating, score: int) -> Rating:
    """Changes the score of a rating: a button pressed twice, or another one, is no second rating.

    Raises:
        InvalidInput: the score is not 1 to 5, or the rating is not this customer's.
    """
    if not 1 <= score <= 5:
        raise InvalidInput("score", "1 to 5")
    if rating.customer_id != conversation.customer_id:
        raise InvalidInput("rating_id", "not a rating of this customer")
    before, rating.score, rating.at = rating.score, score, clock.now()
    if score == before:
        return rating
    if score <= LOW < before:
        _call(session, conversation, rating)
    elif before <= LOW < score:
        recovery.withdraw_for(session, rating)
    if before <= LOW:
        alive = escalations.current(session, conversation.id)
        if alive is not None and alive.reason is EscalationReason.LOW_RATING:
            alive.note = f"{alive.note} -> {score}/5"
    return rating


def explain(session: Session, rating_id: int, customer_id: int, reason: str) -> None:
    """Adds the customer's reason to their own rating; a rating of somebody else's is left alone."""
    rating = session.get(Rating, rating_id)
    if rating is None or rating.customer_id != customer_id:
        raise InvalidInput("rating_id", "not a rating of this customer")
    rating.reason = reason[:2000]
    conversation = session.scalar(select(Conversation).where(Conversation.customer_id == customer_id).limit(1))
    alive = escalations.current(session, conversation.id) if conversation else None
    if alive is not None and alive.reason is EscalationReason.LOW_RATING:
        alive.note = f"{alive.note}: {reason[:500]}"
