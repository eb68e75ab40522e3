"""Conversations and what was said in them: read only."""

from datetime import datetime

from pydantic import BaseModel
from sqlalchemy.orm import Session

from console.api.calls import After, Limit, Page, Resource, look, page
from crm import key_pages, threads
from crm.api_tokens import Scope
from crm.models.conversations import Author, Conversation, Direction, Message, Mode

resource = Resource("conversations")


class ConversationOut(BaseModel):
    """`mode`: who answers, the assistant or people. `reachable`: whether a message would get there."""

    id: int
    customer_id: int
    channel: str
    mode: Mode
    reachable: bool
    last_message_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, conversation: Conversation) -> "ConversationOut":
        return cls(
            id=conversation.id,
            customer_id=conversation.customer_id,
            channel=conversation.account.channel,
            mode=conversation.mode,
            reachable=conversation.account.reachable,
            last_message_at=conversation.last_message_at,
            created_at=conversation.created_at,
        )


class MessageOut(BaseModel):
    id: int
    direction: Direction
    author: Author
    text: str
    attachments: int
    at: datetime

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        names = ("id", "direction", "author", "text", "at")
        return cls(**{name: getattr(message, name) for name in names}, attachments=len(message.attachments))


@resource.route("GET", "/conversations", Scope.CONVERSATIONS_READ)
def listing(after: After = 0, limit: Limit = 50, customer_id: int | None = None) -> Page[ConversationOut]:
    """Conversations by their number, of everybody or of one customer."""
    rows = look(lambda s: key_pages.conversations(s, after, limit + 1, customer_id=customer_id))
    return page(rows, limit, ConversationOut.of)


@resource.route("GET", "/conversations/{conversation_id}/messages", Scope.CONVERSATIONS_READ)
def messages(conversation_id: int, after: After = 0, limit: Limit = 50) -> Page[MessageOut]:
    """The messages, oldest first. `attachments`: how many there are; the files stay in the console."""

    def work(session: Session) -> list[Message]:
        threads.conversation(session, conversation_id)  # NotFound
        return key_pages.messages(session, conversation_id, after, limit + 1)

    return page(look(work), limit, MessageOut.of)
