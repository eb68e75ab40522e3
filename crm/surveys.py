"""The question after a complaint was settled: planned, dropped when it is taken up again, asked seldom enough."""

from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from crm import case_states, clock, outbox, templates
from crm.case_news import account_of
from crm.models.care import Complaint, ComplaintState, Rating, Survey
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.staff import Staff
from crm.outbox import Button, Content
from crm.settings import settings

BATCH = 100
ANSWER_TIME = timedelta(days=3)
TAKEN_UP_AGAIN = "taken_up_again"  # why a question was not sent
UNSEEN = (OutboxState.QUEUED, OutboxState.SKIPPED, OutboxState.EXPIRED, OutboxState.FAILED)


def follow(
    session: Session, complaint: Complaint, before: ComplaintState, to: ComplaintState, staff: Staff | None
) -> None:
    """Plans the question when the complaint is answered; takes it back, if it can be, when it is taken up again.

    What was just being sent at that moment is looked at again with the next answer.
    """
    if case_states.is_reopening(before, to) or to is ComplaintState.RESOLVED:
        _take_back(session, complaint.id)
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


def _take_back(session: Session, complaint_id: int) -> None:
    """Forgets the question unless it may have reached the customer, so that it can be asked anew."""
    mine = select(Survey).where(Survey.complaint_id == complaint_id).with_for_update()
    survey = session.scalar(mine.execution_options(populate_existing=True))
    if survey is not None and (survey.asked_at is None or _hold_back(session, complaint_id)):
        session.delete(survey)
        session.flush()


def _hold_back(session: Session, complaint_id: int) -> bool:
    """Stops the question that is on its way; whether the customer cannot have seen it."""
    letters = _letters(session, complaint_id)
    if not letters:
        return False
    newest = letters[-1]
    if newest.state is OutboxState.SENDING:
        newest.expires_at = clock.now()  # should this try fail, there is no other
    if newest.state not in UNSEEN:
        return False
    if newest.state in (OutboxState.QUEUED, OutboxState.SKIPPED):  # skipped ones of the unreachable would come back
        newest.state, newest.reason = OutboxState.SKIPPED, TAKEN_UP_AGAIN
    letters[0].dedupe_key = None
    return True


def _letters(session: Session, complaint_id: int) -> list[Outbox]:
    """The question's row in the outbox, and those that repeated it by a person's choice."""
    found: list[Outbox] = []
    key = _key(complaint_id)
    while row := session.scalar(_letter(key)):
        found.append(row)
        key = f"{outbox.AGAIN}{row.id}"
    return found


def _letter(key: str) -> Select[Outbox]:
    wanted = select(Outbox).where(Outbox.dedupe_key == key).with_for_update()
    return wanted.execution_options(populate_existing=True)


def _key(complaint_id: int) -> str:
    return f"survey:{complaint_id}"


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
        dedupe_key=_key(survey.complaint_id),
    )


def score_buttons(complaint_id: int | None) -> list[Button]:
    """One row of five stars' buttons whose payload says what is rated."""
    about = f',"complaint_id":"{complaint_id}"' if complaint_id is not None else ""
    return [Button(f"{score} ⭐", f'/rate_service{{"score":"{score}"{about}}}') for score in range(1, 6)]
