"""Messages that other systems ask to have sent: through the outbox and its policy, once for each key of theirs."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm import advertisements, audit, clock, contact_policy, outbox, text
from crm.contact_policy import Refusal
from crm.errors import InvalidInput, NotFound
from crm.models.conversations import Author
from crm.models.integration import ApiMessage
from crm.models.messaging import Outbox, OutboxKind
from crm.models.people import ChannelAccount, Customer, Purpose
from crm.models.staff import Staff
from crm.outbox import Content

LONGEST = 4096


@dataclass(frozen=True)
class Wish:
    """What shall be sent. An advertisement gets [QC] and the way out around it, and may have {address} and {name}."""

    customer_id: int
    purpose: Purpose
    text: str
    expires_at: datetime | None = None

    @property
    def digest(self) -> str:
        whole = [self.customer_id, self.purpose.value, self.text, self.expires_at and self.expires_at.isoformat()]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


class KeyReused(InvalidInput):
    """The same key with another message: one of the two would be lost."""


def ask(session: Session, token_id: int, staff: Staff, key: str, wish: Wish) -> tuple[ApiMessage, bool]:
    """Queues the message unless something forbids it; the same key again returns the first answer (and False).

    Raises InvalidInput (text, time), KeyReused, NotFound (no such customer).
    """
    words = _checked(wish)
    mine = select(ApiMessage).where(ApiMessage.token_id == token_id, ApiMessage.idempotency_key == key)
    asked = session.scalar(mine)
    if asked is None:
        customer = session.get(Customer, wish.customer_id)
        if customer is None or customer.gone_at is not None:
            raise NotFound(f"customer {wish.customer_id}")
        asked = ApiMessage(
            token_id=token_id,
            idempotency_key=key,
            request_hash=wish.digest,
            customer_id=customer.id,
            at=clock.now(),
        )
        try:
            with session.begin_nested():
                session.add(asked)
        except IntegrityError:
            asked = session.scalars(mine).one()  # the same request came twice at once
        else:
            _decide(session, asked, staff, customer, wish, words)
            return asked, True
    if asked.request_hash != wish.digest:
        raise KeyReused("Idempotency-Key", "it was used for another message; choose a new one")
    return asked, False


def get(session: Session, token_id: int, message_id: int) -> tuple[ApiMessage, Outbox | None]:
    """A message that this token asked for, and its row in the outbox. Raises NotFound; another token's is not found."""
    asked = session.get(ApiMessage, message_id)
    if asked is None or asked.token_id != token_id:
        raise NotFound(f"message {message_id}")
    return asked, row_of(session, asked)


def row_of(session: Session, asked: ApiMessage) -> Outbox | None:
    """Its row in the outbox: None where it was refused, or forgotten since."""
    return session.get(Outbox, asked.outbox_id) if asked.outbox_id is not None else None


def _checked(wish: Wish) -> str:
    if wish.expires_at is not None and wish.expires_at <= clock.now():
        raise InvalidInput("expires_at", "choose a moment that lies in the future")
    if wish.purpose is Purpose.MARKETING:
        return advertisements.check(wish.text)
    words = text.clean(wish.text)
    if not words or advertisements.length(words) > LONGEST:
        raise InvalidInput("text", f"1 to {LONGEST} characters")
    return words


def _decide(session: Session, asked: ApiMessage, staff: Staff, customer: Customer, wish: Wish, words: str) -> None:
    account = _account(session, customer.id)
    refusal = contact_policy.standing_refusal(session, account, wish.purpose) if account else Refusal.NO_ACCOUNT
    if account is None or refusal is not None:
        asked.refusal = str(refusal)
        return
    advertised = wish.purpose is Purpose.MARKETING
    row = outbox.enqueue(
        session,
        account,
        Content(advertisements.render(words, customer) if advertised else words),
        kind=OutboxKind.MARKETING if advertised else OutboxKind.CARE,
        purpose=wish.purpose,
        author=Author.SYSTEM,
        dedupe_key=f"api:{asked.id}",
        expires_at=wish.expires_at,
    )
    asked.outbox_id = row.id if row is not None else None
    session.flush()
    audit.record(session, staff, "api_message", "customer", customer.id, purpose=wish.purpose.value)


def _account(session: Session, customer_id: int) -> ChannelAccount | None:
    """The chat that the customer used last, one that can be reached before one that cannot."""
    mine = select(ChannelAccount).where(ChannelAccount.customer_id == customer_id)
    return session.scalar(mine.order_by(ChannelAccount.reachable.desc(), ChannelAccount.id.desc()).limit(1))
