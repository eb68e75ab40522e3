"""What people do: write, press, edit, block. Each act becomes the update Telegram would send."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from typing import Any

from simulator import media
from simulator.entities import detect, utf16_length
from simulator.errors import ApiError
from simulator.state import Bot, Chat, Message, Person, Query, World

Json = dict[str, Any]


class Impossible(Exception):
    """A person cannot do this in the app; the text says why."""


def _may_act(person: Person, bot: Bot) -> None:
    chat = bot.chats.get(person.id)
    if person.deactivated:
        raise Impossible(f"user {person.id} is deactivated")
    if chat and chat.blocked:
        raise Impossible(f"user {person.id} has blocked the bot")


def text_content(text: str) -> Json:
    """A typed message with the entities Telegram would find; the app lets nobody send an empty or longer one."""
    text = text.strip()
    if not text or utf16_length(text) > 4096:
        raise Impossible("a message has 1 to 4096 characters")
    entities = detect(text)
    return {"text": text} | ({"entities": entities} if entities else {})


def _decoded(encoded: str | None) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True) if encoded else None
    except binascii.Error as error:
        raise Impossible("not base64") from error


def photo_content(world: World, encoded: str | None, caption: str | None) -> Json:
    """A photo from base64; without one, a sample picture."""
    try:
        sizes = media.photo_sizes(world, _decoded(encoded) or media.sample_png())
    except ApiError as error:
        raise Impossible(error.description) from error
    return {"photo": sizes} | ({"caption": caption} if caption else {})


def voice_content(world: World, encoded: str | None, duration_s: int) -> Json:
    data = _decoded(encoded) or b"OggS" + bytes(200)
    return {"voice": media.store(world, "voice", data, "audio/ogg", "ogg") | {"duration": duration_s}}


def document_content(world: World, encoded: str | None, name: str, mime: str, caption: str | None) -> Json:
    """A file from base64; without one, some bytes that are nothing in particular."""
    document = media.document(world, _decoded(encoded) or b"nothing in particular", name, mime)
    return {"document": document} | ({"caption": caption} if caption else {})


def sticker_content(world: World, emoji: str) -> Json:
    stored = media.store(world, "stickers", media.sample_png(64, 64), "image/png", "png")
    kind = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
    return {"sticker": stored | kind | {"emoji": emoji}}


def contact_content(person: Person, phone: str | None) -> Json:
    """The person's own card."""
    contact = {"phone_number": phone or person.phone or "+84900000000", "first_name": person.first_name}
    return {"contact": contact | {"user_id": person.id} | ({"last_name": person.last_name} if person.last_name else {})}


def send(world: World, bot: Bot, person: Person, content: Json, reply_to: int | None = None) -> Message:
    """The person sends a message; the first one opens the chat, as Start does."""
    _may_act(person, bot)
    chat = bot.chats.get(person.id)
    if reply_to and chat and reply_to in chat.messages:
        content = content | {"reply_to_message": chat.messages[reply_to].telegram}
    message = world.post(bot, person, content, from_bot=False)
    world.push(bot, "message", message.telegram)
    return message


def _existing(bot: Bot, person: Person, message_id: int) -> Message:
    chat = bot.chats.get(person.id)
    message = chat.messages.get(message_id) if chat else None
    if message is None or message.deleted:
        raise Impossible(f"no message {message_id} in the chat of {person.id}")
    return message


def edit(world: World, bot: Bot, person: Person, message_id: int, text: str) -> Message:
    """The person edits a message of their own."""
    _may_act(person, bot)
    message = _existing(bot, person, message_id)
    if message.from_bot or "text" not in message.telegram:
        raise Impossible("only one's own text messages can be edited")
    kept = {k: v for k, v in message.telegram.items() if k not in ("text", "entities")}
    message.telegram = kept | text_content(text) | {"edit_date": int(time.time())}
    message.rev = world.next_rev()
    world.push(bot, "edited_message", message.telegram)
    world.tell_message(bot, message)
    return message


def find_button(bot: Bot, person: Person, title: str) -> tuple[Message, Json] | None:
    """The newest inline button with this title in the chat."""
    chat = bot.chats.get(person.id) or Chat(person.id)
    for message in sorted(chat.messages.values(), key=lambda m: -m.id):
        for button in [] if message.deleted else message.buttons():
            if button["text"].strip() == title.strip():
                return message, button
    return None


def press(world: World, bot: Bot, person: Person, message_id: int, button: Json, stale: bool = False) -> Query:
    """Presses a button of a message. A test may press one that is no longer there (`stale`) or forge its data."""
    _may_act(person, bot)
    message = _existing(bot, person, message_id)
    if "callback_data" not in button:
        raise Impossible("this button opens something and tells the bot nothing")
    if not stale and button["callback_data"] not in [b.get("callback_data") for b in message.buttons()]:
        raise Impossible("the message has no such button")
    query = Query(str(secrets.randbits(62)), person.id, time.monotonic())
    bot.queries[query.id] = query
    body = {"id": query.id, "from": person.as_user(), "message": message.telegram, "chat_instance": str(person.id)}
    world.push(bot, "callback_query", body | {"data": button["callback_data"]})
    return query


def _member(bot: Bot, status: str) -> Json:
    return {"user": bot.as_user(), "status": status} | ({"until_date": 0} if status == "kicked" else {})


def set_blocked(world: World, bot: Bot, person: Person, blocked: bool) -> None:
    """Blocks or unblocks the bot; the bot is told by my_chat_member, as by Telegram."""
    chat = bot.chats.get(person.id)
    if chat is None:
        raise Impossible(f"user {person.id} has no chat with the bot")
    if chat.blocked == blocked:
        return
    chat.blocked = blocked
    old, new = ("member", "kicked") if blocked else ("kicked", "member")
    body = {"chat": person.as_chat(), "from": person.as_user(), "date": int(time.time())}
    members = {"old_chat_member": _member(bot, old), "new_chat_member": _member(bot, new)}
    world.push(bot, "my_chat_member", body | members)
    world.changed({"type": "reload"})
