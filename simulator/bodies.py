"""What the control API is sent."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from simulator import customers
from simulator.state import Bot, Chat, Person, World

Json = dict[str, Any]
MAX_WAIT_S = 60.0


class NewPerson(BaseModel):
    id: int | None = Field(default=None, ge=1)
    first_name: str = Field(min_length=1, max_length=64)
    last_name: str | None = None
    username: str | None = Field(default=None, pattern=r"^[A-Za-z]\w{3,31}$")
    language_code: str = "vi"
    phone: str | None = None


class Outgoing(BaseModel):
    """One message of a person: exactly one of text, photo, voice, document, sticker, location, contact."""

    text: str | None = None
    photo: dict[str, str] | None = None
    caption: str | None = None
    voice: dict[str, Any] | None = None
    document: dict[str, str] | None = None
    sticker: str | None = None
    location: dict[str, float] | None = None
    contact: dict[str, str] | None = None
    reply_to: int | None = None

    def content(self, world: World, person: Person) -> Json:
        """The Bot API fields of the message."""
        if self.text is not None:
            return customers.text_content(self.text)
        if self.photo is not None:
            return customers.photo_content(world, self.photo.get("base64"), self.caption)
        if self.voice is not None:
            return customers.voice_content(world, self.voice.get("base64"), int(self.voice.get("duration", 3)))
        if self.document is not None:
            name, mime = self.document.get("name", "file.bin"), self.document.get("mime", "application/octet-stream")
            return customers.document_content(world, self.document.get("base64"), name, mime, self.caption)
        if self.sticker is not None:
            return customers.sticker_content(world, self.sticker)
        if self.location is not None:
            return {"location": self.location}
        if self.contact is not None:
            return customers.contact_content(person, self.contact.get("phone_number"))
        raise customers.Impossible("say what to send: text, photo, voice, document, sticker, location or contact")


class Start(BaseModel):
    payload: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")


class Edit(BaseModel):
    text: str


class Press(BaseModel):
    """A button by title (the newest one with it), or of a message by index or callback_data."""

    title: str | None = None
    message_id: int | None = None
    index: int | None = None
    callback_data: str | None = None
    stale: bool = False
    wait_s: float = Field(default=0, ge=0, le=MAX_WAIT_S)

    def button(self, bot: Bot, person: Person) -> tuple[int, Json]:
        """Message id and button; Impossible when there is none."""
        if self.title is not None:
            found = customers.find_button(bot, person, self.title)
            if found is None:
                raise customers.Impossible(f"no button “{self.title}”")
            return found[0].id, found[1]
        if self.message_id is None:
            raise customers.Impossible("say which button: title, or message_id with index or callback_data")
        if self.callback_data is not None:
            return self.message_id, {"callback_data": self.callback_data}
        chat = bot.chats.get(person.id) or Chat(person.id)
        message = chat.messages.get(self.message_id)
        buttons = message.buttons() if message else []
        if self.index is None or not 0 <= self.index < len(buttons):
            raise customers.Impossible(f"message {self.message_id} has no button {self.index}")
        return self.message_id, buttons[self.index]


class Injected(BaseModel):
    """Raw updates. Those without update_id get the next one; `next_update_id` sets the counter first."""

    updates: list[Json] = []
    next_update_id: int | None = None


class Redeliver(BaseModel):
    """Already delivered updates once more: these ids, or the last `count`."""

    update_ids: list[int] | None = None
    count: int = Field(default=1, ge=1)
