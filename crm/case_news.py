"""What a customer hears of their complaint, each once; and the same words before they are sent, for whoever writes."""

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import case_states, clock, outbox, templates
from crm.models.care import Complaint, ComplaintEvent, ComplaintState, EventKind
from crm.models.conversations import Author, Conversation
from crm.models.messaging import OutboxKind
from crm.models.people import ChannelAccount
from crm.outbox import Button, Content
from crm.settings import settings

RESOLUTION_SHOWN = 3000


class News(StrEnum):
    """The occasions; the value is the text's key in data/templates/messages.yml."""

    ACKNOWLEDGED = "complaint_acknowledged"
    QUESTION = "complaint_question"
    RESOLVED = "complaint_resolved"
    REOPENED = "complaint_reopened"
    SPLIT = "complaint_split"


def words(session: Session, complaint: Complaint, news: News, said: str = "") -> str:
    """What the customer reads: `said` is the answer or the question, in the staff's own words."""
    return templates.message(
        news.value,
        complaint.customer,
        code=_codes(session, complaint),
        said=said.strip()[:RESOLUTION_SHOWN],
        time=clock.vietnamese_moment(complaint.promised_at, settings().zone),
    )


def _codes(session: Session, complaint: Complaint) -> str:
    """The code, with those of the cases that are answered in this one: the customer knows them too."""
    merged = select(Complaint.code).where(Complaint.merged_into_id == complaint.id).order_by(Complaint.id)
    return ", ".join([complaint.code, *session.scalars(merged)])


def tell(session: Session, complaint: Complaint, event: ComplaintEvent) -> None:
    """Queues what a change of state is to say, if anything; a change is told once.

    A reopening at the customer's own word is answered where they said it, and the clock's doings are not worth a word.
    """
    news = _worth_telling(session, complaint, event)
    if news is None:
        return
    key = f"{news.value}:{complaint.id}" + ("" if news is News.ACKNOWLEDGED else f":{event.id}")
    send(session, complaint, news, key, said=event.note, staff_id=event.staff_id)


def _worth_telling(session: Session, complaint: Complaint, event: ComplaintEvent) -> News | None:
    if event.kind is not EventKind.STATE or event.staff_id is None or event.from_state is None:
        return None
    if event.to_state is ComplaintState.RESOLVED:
        return News.RESOLVED
    if event.to_state is ComplaintState.WAITING:
        return News.QUESTION
    if case_states.is_reopening(event.from_state, event.to_state):
        return News.REOPENED
    first = event.from_state is ComplaintState.NEW and event.to_state in case_states.OPEN_STATES
    return News.ACKNOWLEDGED if first else None


def send(
    session: Session, complaint: Complaint, news: News, key: str, said: str = "", staff_id: int | None = None
) -> None:
    """Queues one piece of news for the chat the complaint came from; nothing for a customer without a chat."""
    account = account_of(session, complaint)
    if account is None:
        return
    outbox.enqueue(
        session,
        account,
        Content(words(session, complaint, news, said), buttons=_buttons(complaint, news)),
        kind=OutboxKind.CARE,
        author=Author.STAFF if said and staff_id else Author.ASSISTANT,
        staff_id=staff_id if said else None,
        dedupe_key=key,
    )


def _buttons(complaint: Complaint, news: News) -> list[list[Button]]:
    """The answer can be refused with one press, which takes the case up again (actions/complaint.py)."""
    if news is not News.RESOLVED:
        return []
    return [[Button(templates.plain("button_reopen"), reopen_payload(complaint))]]


def reopen_payload(complaint: Complaint) -> str:
    """What the button "not solved yet" means."""
    return f'/complaint_status{{"ticket_code":"{complaint.code}","part":"reopen"}}'


def account_of(session: Session, complaint: Complaint) -> ChannelAccount | None:
    """Where the customer is answered: the chat the complaint came from, else their newest chat."""
    if complaint.conversation_id is not None:
        conversation = session.get(Conversation, complaint.conversation_id)
        if conversation is not None:
            return conversation.account
    newest = select(ChannelAccount).where(ChannelAccount.customer_id == complaint.customer_id)
    return session.scalar(newest.order_by(ChannelAccount.id.desc()).limit(1))
