"""One turn of a conversation: what the customer said is recorded, and the answer is committed with the mark "done"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import (
    clock,
    complaints,
    consents,
    customers,
    dispatch,
    escalations,
    inbound,
    introductions,
    outbox,
    ratings,
    service_levels,
    sightings,
    templates,
    text,
    words,
)
from crm.customers import Caller
from crm.models.conversations import Author, Conversation, Direction, EscalationReason, Message, Mode
from crm.models.messaging import ButtonToken, Inbound, OutboxKind
from crm.models.people import Consent, Purpose
from crm.outbox import Content
from crm.settings import settings
from crm.sightings import Heard

PATIENCE = timedelta(minutes=10)
LONGEST_STOP = 200  # characters; what is longer says more than a stop word
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,32}")  # PostgreSQL refuses even to look for a forged one that holds NUL
# STOP, and the "từ chối" of Vietnamese advertisements. Not "dừng": typed without accents it is "đúng", a yes.
_STOP = re.compile(r"^/?(stop|tc|từ chối|tu choi|h(ủy|uỷ) đăng ký|huy dang ky)[.! ]*$")


@dataclass(frozen=True)
class Said:
    """What the customer said or did. `attachments`: [{"kind", "path", "name"}], paths below var/attachments."""

    text: str
    attachments: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Turn:
    """Where the turn stands after the customer's part is recorded.

    `slots` are the words the assistant's texts use; `first` is true for the first message of the conversation, `anew`
    for the first after people have handed the conversation back. `fence` is the number of the worker that handles it.
    """

    inbound_id: int
    turn_id: str
    conversation_id: int
    account_id: int
    customer_id: int
    mode: Mode
    first: bool
    slots: dict[str, str | None]
    anew: bool
    fence: int | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """What the actions need to know of the turn."""
        return {
            "turn_id": self.turn_id,
            "customer_id": self.customer_id,
            "conversation_id": self.conversation_id,
            "account_id": self.account_id,
        }


def begin(
    session: Session, inbound_id: int, turn_id: str, caller: Caller, said: Said, fence: int | None = None
) -> Turn:
    """Records the customer's part of the turn, once however often the turn is begun.

    Raises LeaseLost when the update is not worker `fence`'s any more.
    """
    if fence is not None:
        inbound.check(session, inbound_id, fence)
    before = customers.account_by_chat(session, caller.bot_id, caller.chat_id)
    if before is not None and not before.reachable:
        dispatch.take_up_again(session, before.id)
    conversation = customers.meet(session, caller)
    known = session.scalar(select(Message.id).where(Message.inbound_id == inbound_id))
    if known is None:
        _record(session, conversation, inbound_id, said)
        introductions.hear(conversation.customer, said.text)
    before_this = _said_before(session, conversation.id, inbound_id)
    return Turn(
        inbound_id=inbound_id,
        turn_id=turn_id,
        conversation_id=conversation.id,
        account_id=conversation.account_id,
        customer_id=conversation.customer_id,
        mode=conversation.mode,
        first=before_this is None and not _spoken_to(session, conversation.id),
        slots=_slots(conversation, before_this),
        anew=before_this is not None and escalations.closed_since(session, conversation.id, before_this.at),
        fence=fence,
    )


def _said_before(session: Session, conversation_id: int, inbound_id: int) -> Message | None:
    """The customer's message before this one."""
    said = select(Message).where(
        Message.conversation_id == conversation_id,
        Message.direction == Direction.IN,
        Message.inbound_id.is_distinct_from(inbound_id),
    )
    return session.scalar(said.order_by(Message.id.desc()).limit(1))


def _spoken_to(session: Session, conversation_id: int) -> bool:
    spoken = select(Message.id).where(Message.conversation_id == conversation_id, Message.direction == Direction.OUT)
    return session.scalar(spoken.limit(1)) is not None


def _slots(conversation: Conversation, before_this: Message | None) -> dict[str, str | None]:
    """The customer's words. What the assistant had asked is over once something else was said in between."""
    slots: dict[str, str | None] = {**customers.words_for(conversation.customer)}
    if before_this is not None and before_this.intent is None:
        slots["expecting"] = None
    return slots


def _record(session: Session, conversation: Conversation, inbound_id: int, said: Said) -> None:
    escalations.customer_wrote(session, conversation.id)
    service_levels.customer_wrote(session, conversation)
    complaints.customer_wrote(session, conversation.customer_id)
    moment = clock.now()
    session.add(
        Message(
            conversation_id=conversation.id,
            direction=Direction.IN,
            author=Author.CUSTOMER,
            text=said.text,
            attachments=said.attachments,
            inbound_id=inbound_id,
            at=moment,
        )
    )
    conversation.last_message_at = moment
    session.flush()


def button(session: Session, account_chat: tuple[int, int], token: str) -> ButtonToken | None:
    """The button that `token` stands for, if it was given to this very chat (bot_id, chat_id) and has not expired."""
    found = session.get(ButtonToken, token) if _TOKEN.fullmatch(token) else None
    if found is None or found.expires_at <= clock.now():
        return None
    account = customers.account_by_chat(session, *account_chat)
    return found if account is not None and found.account_id == account.id else None


def wants_stop(said: str) -> bool:
    """Whether the whole message is the stop word of an advertisement, however it is written and politely put."""
    if len(said) > LONGEST_STOP:
        return False
    if _STOP.match(text.clean(said).lower()):
        return True
    return words.is_just(said, words.words("dialogue")["stop_commands"])


def obey_stop(session: Session, bot_id: int, chat_id: int, said: str) -> None:
    """Withdraws the consent of whoever has just sent the stop word `said`, before its turn comes, which confirms it.

    A stranger gets no advertising anyway. Once for each update only: what was agreed to after it holds.
    """
    account = customers.account_by_chat(session, bot_id, chat_id)
    if account is not None:
        _withdraw(session, account.customer_id, said)


def stop_advertising(session: Session, turn: Turn, evidence: str) -> None:
    """Confirms a stop word with the time from which it holds: that of its arrival, if `obey_stop` saw it then, else
    this moment. Ends the turn.
    """
    arrived = session.get_one(Inbound, turn.inbound_id).received_at
    held = consents.latest(session, turn.customer_id, Purpose.MARKETING)
    if held is None or held.granted or held.at < arrived:
        held = _withdraw(session, turn.customer_id, evidence)
    when = clock.vietnamese_moment(held.at, settings().zone)
    answer_with_template(session, turn, "opt_out_confirmed", time=when)


def _withdraw(session: Session, customer_id: int, evidence: str) -> Consent:
    return consents.record(
        session, customer_id, Purpose.MARKETING, granted=False, channel="telegram", evidence=evidence
    )


def answer_with_template(session: Session, turn: Turn, key: str, **values: str) -> None:
    """Ends the turn with one of the product's own texts."""
    customer = customers.get(session, turn.customer_id)
    finish(session, turn, [Content(templates.message(key, customer, **values))])


def leave_to_people(session: Session, turn: Turn) -> None:
    """Ends the turn without an answer: people read it. Who waits long is told that they are not forgotten."""
    finish(session, turn, [])
    escalations.keep_company(session, session.get_one(Conversation, turn.conversation_id))


def take_rating(session: Session, turn: Turn, payload: str) -> bool:
    """Ends the turn of somebody who pressed a survey's score while people answer; False: the button is another."""
    conversation = session.get_one(Conversation, turn.conversation_id)
    rating = ratings.press(session, conversation, payload, turn.turn_id)
    if rating is None:
        return False
    key = "rating_noted_low" if rating.score <= ratings.LOW else "rating_noted"
    answer_with_template(session, turn, key, score=str(rating.score))
    return True


def resume_assistant(session: Session, turn: Turn) -> None:
    """The customer leaves the queue for the assistant. Ends the turn."""
    escalations.resume_assistant(session, session.get_one(Conversation, turn.conversation_id))
    finish(session, turn, [])


def bury(session: Session, bot_id: int, chat_id: int, error: str) -> None:
    """An update could not be handled at all: a person is called to look at the chat, and the customer is told."""
    account = customers.account_by_chat(session, bot_id, chat_id)
    if account is None:
        return
    conversation = session.scalars(select(Conversation).where(Conversation.account_id == account.id)).one()
    escalations.open_for(session, conversation, EscalationReason.TECHNICAL, note=error[:500], silence=False)
    text = templates.message("technical_problem", conversation.customer)
    outbox.enqueue(session, account, Content(text), kind=OutboxKind.REPLY)


def ask_for_patience(session: Session, bot_id: int, chat_id: int) -> bool:
    """Tells somebody who writes faster than we answer that nothing is lost, once in PATIENCE; whether it did."""
    account = customers.account_by_chat(session, bot_id, chat_id)
    told_lately = account is not None and account.slowed_at and account.slowed_at > clock.now() - PATIENCE
    if account is None or told_lately:
        return False
    conversation = session.scalars(select(Conversation).where(Conversation.account_id == account.id)).one()
    if conversation.mode is Mode.PEOPLE:
        return False
    account.slowed_at = clock.now()
    text = templates.message("many_messages", conversation.customer)
    outbox.enqueue(session, account, Content(text), kind=OutboxKind.REPLY)
    return True


def give_up(session: Session, turn: Turn, error: str) -> None:
    """The assistant cannot answer: a person is called, and the customer is told so. Ends the turn. Raises LeaseLost."""
    if turn.fence is not None:
        inbound.check(session, turn.inbound_id, turn.fence)
    conversation = session.get_one(Conversation, turn.conversation_id)
    escalations.open_for(session, conversation, EscalationReason.TECHNICAL, note=error[:500], silence=False)
    began = session.scalars(select(Message.at).where(Message.inbound_id == turn.inbound_id)).one()
    filed = complaints.filed_since(session, conversation.id, began)
    if filed is None:
        answer_with_template(session, turn, "technical_problem")
    else:  # committed, and then its confirmation was lost: nobody is to think that it was not heard
        time = clock.vietnamese_moment(filed.promised_at, settings().zone)
        answer_with_template(session, turn, "technical_problem_filed", code=filed.code, time=time)


def finish(session: Session, turn: Turn, answers: Sequence[Content], heard: Heard | None = None) -> None:
    """Queues the answers and marks the update done, together. A turn that is done already, or that another worker has
    taken over, is left alone.

    `heard`: what the understanding made of the message; one that was not understood goes to the review queue.
    """
    if not inbound.finish(session, turn.inbound_id, turn.fence):
        return
    conversation = session.get_one(Conversation, turn.conversation_id)
    if turn.first:
        greeting = Content(templates.message("first_contact", conversation.customer))
        answers = [greeting, *answers]
    for number, content in enumerate(answers):
        outbox.enqueue(
            session, conversation.account, content, kind=OutboxKind.REPLY, dedupe_key=f"turn:{turn.turn_id}:{number}"
        )
    spoken = session.scalar(select(Message).where(Message.inbound_id == turn.inbound_id)) if heard else None
    if heard is not None and spoken is not None:
        _note_what_was_heard(session, turn, spoken, heard)


def _note_what_was_heard(session: Session, turn: Turn, spoken: Message, heard: Heard) -> None:
    if heard.intent is not None:
        spoken.intent = heard.intent
    ids = {"customer_id": turn.customer_id, "conversation_id": turn.conversation_id}
    sightings.notice(session, spoken.text, heard, turn_id=turn.turn_id, **ids)
