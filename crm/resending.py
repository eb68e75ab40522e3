"""Sending again what did not arrive, or of which nobody knows: a person's choice, kept in the audit log."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audit, call_states, clock, outbox
from crm.errors import IllegalTransition, NotFound
from crm.models.conversations import Author, Conversation, Message
from crm.models.messaging import ButtonToken, Outbox, OutboxKind, OutboxState
from crm.models.staff import Staff
from crm.outbox import AGAIN, Button, Content

# Advertising has its own way (a broadcast decides), and what was skipped had a reason that still holds.
ENDED = frozenset({OutboxState.FAILED, OutboxState.UNKNOWN, OutboxState.EXPIRED})
KINDS = (OutboxKind.REPLY, OutboxKind.CARE)


def repeatable(row: Outbox) -> bool:
    """Whether a person may send it once more: it did not arrive, or nobody knows, and it is still worth something.

    A greeting of yesterday is not; what a restore ended before its time is.
    """
    worthless = row.expires_at is not None and row.expires_at <= clock.now()
    return row.state in ENDED and row.kind in KINDS and not worthless


def send_again(session: Session, outbox_id: int, staff: Staff) -> Outbox:
    """Queues the same message once more as a new one; one press, one message, however often it is pressed.

    It stays what it was: what nobody had asked for waits for the day and for the consent to its purpose again.

    Raises NotFound, AlreadyHeld while a colleague holds the conversation, and IllegalTransition for one that is on its
    way, has arrived, is worth nothing any more, or was sent again already.
    """
    lost = session.scalar(select(Outbox).where(Outbox.id == outbox_id).with_for_update())
    if lost is None:
        raise NotFound(f"outbox {outbox_id}")
    if not repeatable(lost):
        raise IllegalTransition(f"outbox {outbox_id} is {lost.state.value} and {lost.kind.value}")
    _check_hold(session, lost, staff)
    spoken = session.scalar(select(Message).where(Message.outbox_id == outbox_id))
    author, staff_id = (spoken.author, spoken.staff_id) if spoken is not None else (Author.STAFF, staff.id)
    made = outbox.enqueue(
        session,
        lost.account,
        _content(session, lost),
        kind=lost.kind,
        purpose=lost.purpose,
        author=author,
        staff_id=staff_id,
        dedupe_key=f"{AGAIN}{outbox_id}",
        expires_at=lost.expires_at,
    )
    if made is None:
        raise IllegalTransition(f"outbox {outbox_id} was sent again already")
    audit.record(session, staff, "send_again", "outbox", outbox_id, anew=made.id)
    return made


def _check_hold(session: Session, lost: Outbox, staff: Staff) -> None:
    talk = select(Conversation.id).where(Conversation.account_id == lost.account_id)
    for number in session.scalars(talk):
        alive = call_states.current(session, number, lock=True)
        if alive is not None:
            call_states.check_holder(alive, staff)


def _content(session: Session, lost: Outbox) -> Content:
    body = lost.body
    rows = [[_button(session, each["token"]) for each in row] for row in body.get("buttons", [])]
    return Content(
        body["text"],
        photo=body.get("photo"),
        buttons=[[button for button in row if button is not None] for row in rows],
        document=body.get("document"),
        voice=body.get("voice"),
        file_name=body.get("name", ""),
    )


def _button(session: Session, token: str) -> Button | None:
    known = session.get(ButtonToken, token)
    return Button(known.title, known.payload) if known is not None else None
