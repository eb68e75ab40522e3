"""The question after a complaint was settled: planned, dropped when it is taken up again, asked seldom enough."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm import case_states, clock, outbox, templates
from crm.case_news import account_of
from crm.models.care import Complaint, ComplaintState, Rating, Survey
from crm.models.messaging import OutboxKind
from crm.models.staff import Staff
from crm.outbox import Button, Content
from crm.settings import settings

BATCH = 100
ANSWER_TIME = timedelta(days=3)


def follow(
    session: Session, complaint: Complaint, before: ComplaintState, to: ComplaintState, staff: Staff | None
) -> None:
    """Plans the question when the complaint is answered; drops it, not yet asked, when it is taken up again."""
    if case_states.is_reopening(before, to):
        unasked = delete(Survey).where(Survey.complaint_id == complaint.id, Survey.asked_at.is_(None))
        session.execute(unasked)
    if to is not ComplaintState.RESOLVED or _of(session, complaint.id) is not None:
        return
    survey = Survey(
        complaint_id=complaint.id,
        customer_id=complaint.customer_id,
        staff_id=staff.id if staff else None,
        tier=complaint.customer.tier,
        due_at=clock.now() + timedelta(seconds=settings().survey_delay_s),
    )
    session.add(survey)


def _of(session: Session, complaint_id: int) -> Survey | None:
    return session.scalar(select(Survey).where(Survey.complaint_id == complaint_id))


def of_complaint(session: Session, complaint_id: int) -> Survey | None:
    """The question about the complaint, planned, asked or skipped."""
    return _of(session, complaint_id)


def awaited(session: Session, customer_id: int, moment: datetime) -> int | None:
    """The complaint whose question was asked in the last days and has no rating yet: a bare word may answer it."""
    rated = select(Rating.complaint_id).where(Rating.customer_id == customer_id, Rating.complaint_id.is_not(None))
    asked = select(Survey.complaint_id).where(
        Survey.customer_id == customer_id,
        Survey.complaint_id.not_in(rated),
        Survey.asked_at >= moment - ANSWER_TIME,
    )
    return session.scalar(asked.order_by(Survey.asked_at.desc()).limit(1))


def ask_due(session: Session, moment: datetime) -> int:
    """Queues or skips the question of each complaint whose time has come; returns how many were dealt with.

    Nobody is asked again within the setting's days, whatever about.
    """
    due = select(Survey).where(Survey.due_at <= moment, Survey.asked_at.is_(None), Survey.skipped_at.is_(None))
    surveys = list(session.scalars(due.order_by(Survey.due_at).limit(BATCH).with_for_update(skip_locked=True)))
    for survey in surveys:
        if _asked_lately(session, survey, moment):
            survey.skipped_at = moment
        else:
            _ask(session, survey)
            survey.asked_at = moment
        session.flush()  # the next of the same customer must see it
    return len(surveys)


def _asked_lately(session: Session, survey: Survey, moment: datetime) -> bool:
    since = moment - timedelta(days=settings().survey_gap_days)
    asked = select(Survey.id).where(Survey.customer_id == survey.customer_id, Survey.asked_at > since)
    return session.scalar(asked.limit(1)) is not None


def _ask(session: Session, survey: Survey) -> None:
    complaint = session.get_one(Complaint, survey.complaint_id)
    account = account_of(session, complaint)
    if account is None:
        return
    text = templates.message("survey_after_resolution", complaint.customer, code=complaint.code)
    outbox.enqueue(
        session,
        account,
        Content(text, buttons=[score_buttons(complaint.id)]),
        kind=OutboxKind.CARE,
        dedupe_key=f"survey:{survey.complaint_id}",
    )


def score_buttons(complaint_id: int | None) -> list[Button]:
    """One row of five stars' buttons whose payload says what is rated."""
    about = f',"complaint_id":"{complaint_id}"' if complaint_id is not None else ""
    return [Button(f"{score} ⭐", f'/rate_service{{"score":"{score}"{about}}}') for score in range(1, 6)]
