"""A member of staff tries a text on themselves, in their own chat, which they have proven to be theirs."""

import secrets
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import advertisements, audit, campaign_states, clock, outbox
from crm.errors import NotFound
from crm.models.campaigns import TrialAccount
from crm.models.conversations import Conversation, Direction, Message
from crm.models.messaging import OutboxKind
from crm.models.people import ChannelAccount
from crm.models.staff import Staff
from crm.outbox import Content

PROOF_LIFE = timedelta(minutes=15)
_DIGITS = 8


class Proof:
    """A code that the person writes to the shop from the chat that is theirs; good for a quarter of an hour."""

    def __init__(self, session: Session) -> None:
        self.code = "".join(secrets.choice("0123456789") for _ in range(_DIGITS))
        self._since = clock.now()
        self._after = session.scalar(select(func.max(Message.id))) or 0

    @property
    def over(self) -> bool:
        """Whether it is too late for it."""
        return clock.now() > self._since + PROOF_LIFE

    def chat(self, session: Session) -> ChannelAccount | None:
        """The chat that the code was written from, or None: not yet, or too late."""
        if self.over:
            return None
        written = (Message.id > self._after, Message.direction == Direction.IN, func.trim(Message.text) == self.code)
        found = select(ChannelAccount).join(Conversation, Conversation.account_id == ChannelAccount.id)
        return session.scalar(found.join(Message, Message.conversation_id == Conversation.id).where(*written).limit(1))


def account_of(session: Session, staff_id: int) -> ChannelAccount | None:
    """The chat that is this person's own, if they have shown one."""
    mine = select(ChannelAccount).join(TrialAccount, TrialAccount.account_id == ChannelAccount.id)
    return session.scalar(mine.where(TrialAccount.staff_id == staff_id))


def link(session: Session, staff: Staff, proof: Proof) -> ChannelAccount:
    """Notes the chat that `proof` came from as the person's own. Raises NotFound: the code has not arrived."""
    campaign_states.permit(staff)
    account = proof.chat(session)
    if account is None:
        raise NotFound("the code has not been written to the shop")
    session.merge(TrialAccount(staff_id=staff.id, account_id=account.id, at=clock.now()))
    audit.record(session, staff, "trial_account", "account", account.id)
    return account


def send(session: Session, staff: Staff, body: str) -> None:
    """Sends the text to the person's own chat, at any hour and counted with no campaign: they asked for it themselves.

    Raises InvalidInput, MissingField, PermissionDenied, and NotFound when they have shown no chat of their own.
    """
    campaign_states.permit(staff)
    account = account_of(session, staff.id)
    if account is None:
        raise NotFound(f"{staff.username} has no chat of their own")
    text = advertisements.preview(body, account.customer)
    outbox.enqueue(session, account, Content(text), kind=OutboxKind.REPLY)
    audit.record(session, staff, "campaign_trial", "account", account.id, text=body)
