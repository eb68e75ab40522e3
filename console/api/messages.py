"""Outgoing messages: asked for with a key, queued or refused by the same policy as everything else."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Header, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from console.api.calls import Resource, act, look
from console.api.tokens import caller_of
from crm import api_messages
from crm.api_messages import Wish
from crm.api_tokens import Scope
from crm.models.integration import ApiMessage
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import Purpose
from crm.models.staff import Staff

resource = Resource("outgoing messages")
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=100)]


class MessageIn(BaseModel):
    """`purpose`: service (about their order or case), greetings, marketing (needs consent; [QC] is put before it)."""

    model_config = ConfigDict(extra="forbid")
    customer_id: int
    purpose: Purpose = Purpose.SERVICE
    text: str = Field(min_length=1, max_length=4096)
    expires_at: AwareDatetime | None = Field(default=None, description="Not sent any more after this moment.")


class MessageOut(BaseModel):
    """`state`: how far it got; `refused` was never queued, `forgotten` is past the time for which rows are kept.

    `reason` says why it was refused, skipped or failed: no_consent, open_complaint, unreachable, no_account, …
    A queued message may wait: nobody is written to unasked between 22:00 and 07:00.
    """

    id: int
    queued: bool
    state: OutboxState | Literal["refused", "forgotten"]
    reason: str | None
    asked_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, asked: ApiMessage, row: Outbox | None) -> "MessageOut":
        gone: Literal["refused", "forgotten"] = "refused" if asked.refusal else "forgotten"
        return cls(
            id=asked.id,
            queued=asked.refusal is None,
            state=row.state if row is not None else gone,
            reason=row.reason if row is not None else asked.refusal,
            asked_at=asked.at,
            sent_at=row.sent_at if row is not None else None,
        )


@resource.route("POST", "/outgoing-messages", Scope.MESSAGES_WRITE, status_code=202)
def ask(given: MessageIn, key: Key, request: Request, response: Response) -> MessageOut:
    """Asks for a message: 202 queued, 200 when this key was answered before or the policy says no (`reason` why)."""
    wish = Wish(**given.model_dump())

    def work(session: Session, staff: Staff) -> tuple[MessageOut, bool]:
        asked, new = api_messages.ask(session, caller_of(request).token_id, staff, key, wish)
        return MessageOut.of(asked, api_messages.row_of(session, asked)), new

    shown, new = act(request, work)
    response.status_code = 202 if new and shown.queued else 200
    return shown


@resource.route("GET", "/outgoing-messages/{message_id}", Scope.MESSAGES_READ)
def one(message_id: int, request: Request) -> MessageOut:
    """How far a message got that this token asked for."""
    return look(lambda s: MessageOut.of(*api_messages.get(s, caller_of(request).token_id, message_id)))
