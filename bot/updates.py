"""What an update of Telegram means to us."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from telegram import CallbackQuery, Message, Update, User

from crm import text
from crm.customers import Caller

PICTURES = ("image/jpeg", "image/png")
ALLOWED = ["message", "edited_message", "callback_query", "my_chat_member"]
# The commonest Vietnamese family names, accent-folded; without those that are as often a given name (Mai, Hoàng, Vũ).
FAMILY_NAMES = frozenset(
    {"nguyen", "tran", "le", "pham", "huynh", "phan", "vo", "dang", "bui", "do", "ngo", "dinh", "truong", "doan"}
)


class Kind(StrEnum):
    """What the customer did. The values of UNSUPPORTED ones name the template that answers them."""

    TEXT = "text"
    PHOTO = "photo"
    BUTTON = "button"
    EDITED = "edited"
    START = "start"
    COMMAND = "command"
    BLOCKED = "blocked"
    IGNORED = "ignored"
    STICKER = "unsupported_sticker"
    VOICE = "unsupported_voice"
    DOCUMENT = "unsupported_document"
    LOCATION = "unsupported_location"
    CONTACT = "unsupported_contact"
    OTHER = "unsupported_other"
    EMPTY = "empty_text"


UNSUPPORTED = frozenset({Kind.STICKER, Kind.VOICE, Kind.DOCUMENT, Kind.LOCATION, Kind.CONTACT, Kind.OTHER, Kind.EMPTY})
# What a command, or the word that our own texts ask for, means in the understanding's terms.
COMMANDS = {"/menu": "/ask_bot", "/help": "/ask_bot", "/nguoi": "/talk_to_human", "nhan": "/opt_in"}


@dataclass(frozen=True)
class Incoming:
    """`text` is clean NFC text (or a caption); `data`: a button's token, a file id, a command or a start payload.

    `file_name`: what the customer calls the file; empty where Telegram does not say. `sign`: what people read of it
    where it has no words: a sticker's emoji, a place, somebody's number, the title of a pressed button.
    """

    kind: Kind
    caller: Caller
    text: str = ""
    data: str = ""
    callback_id: str | None = None
    file_name: str = ""
    sign: str = ""


def chat_of(payload: dict[str, Any]) -> int:
    """The chat that an update, as Telegram gave it, belongs to; 0 if none. Never raises."""
    for part in payload.values():
        if isinstance(part, dict):
            message = part.get("message")
            chat = part.get("chat") or (message.get("chat") if isinstance(message, dict) else None)
            number = chat.get("id") if isinstance(chat, dict) else None
            return number if isinstance(number, int) else 0
    return 0


def said_in(payload: dict[str, Any]) -> str:
    """The text of an update, as Telegram gave it; "" if none. Never raises."""
    for part in ("message", "edited_message"):
        message = payload.get(part)
        said = message.get("text") if isinstance(message, dict) else None
        if isinstance(said, str):
            return said
    return ""


def read(bot_id: int, payload: dict[str, Any]) -> Incoming:
    """Reads one stored update. What is not from a private chat is IGNORED."""
    update = Update.de_json(payload, None)
    chat, user = update.effective_chat, update.effective_user
    if chat is None or user is None or chat.type != chat.PRIVATE:
        return Incoming(Kind.IGNORED, Caller(bot_id, 0, ""))
    caller = Caller(bot_id, chat.id, _name(user), user.username)
    if update.callback_query is not None:
        query = update.callback_query
        return Incoming(Kind.BUTTON, caller, data=query.data or "", callback_id=query.id, sign=_title(query))
    if update.my_chat_member is not None:
        blocked = update.my_chat_member.new_chat_member.status in ("kicked", "left")
        return Incoming(Kind.BLOCKED if blocked else Kind.IGNORED, caller)
    if update.edited_message is not None:
        return Incoming(
            Kind.EDITED, caller, text.clean(update.edited_message.text or update.edited_message.caption or "")
        )
    message = update.effective_message
    return _read_message(message, caller) if message is not None else Incoming(Kind.IGNORED, caller)


def _name(user: User) -> str:
    """The name in Vietnamese order, family name first: Telegram's "last name" often holds the family name."""
    first, last = text.clean(user.first_name), text.clean(user.last_name or "")
    family_is_last = _begins_with_family_name(last) and not _begins_with_family_name(first)
    return (f"{last} {first}" if family_is_last else f"{first} {last}").strip()[:100]


def _begins_with_family_name(words: str) -> bool:
    return text.fold(words).partition(" ")[0] in FAMILY_NAMES


def _read_message(message: Message, caller: Caller) -> Incoming:
    if message.photo:
        return Incoming(Kind.PHOTO, caller, text.clean(message.caption or ""), data=message.photo[-1].file_id)
    if message.text is not None:
        return _read_text(text.clean(message.text), caller)
    return _read_file(message, caller) or Incoming(_unsupported(message), caller, sign=_sign(message))


def _title(query: CallbackQuery) -> str:
    """What stood on the button, by the message it belongs to; empty where Telegram does not tell any more."""
    message = query.message
    markup = message.reply_markup if isinstance(message, Message) else None
    buttons = [button for line in markup.inline_keyboard for button in line] if markup is not None else []
    pressed = (button.text for button in buttons if button.callback_data == query.data)
    return text.clean(next(pressed, ""))[:200]


def _sign(message: Message) -> str:
    """What people see of a message without words, in no language."""
    if message.sticker:
        return message.sticker.emoji or "🙂"
    if message.contact:
        who = message.contact
        known = ("👤", who.first_name, who.last_name, who.phone_number)
        return text.clean(" ".join(part for part in known if part))[:200]
    if message.venue:
        return text.clean(f"📍 {message.venue.title}, {message.venue.address}")[:200]
    if message.location:
        return f"📍 {message.location.latitude:.5f}, {message.location.longitude:.5f}"
    return "❔"


def _read_file(message: Message, caller: Caller) -> Incoming | None:
    """A voice message or a file; a picture that was sent as a file is a photo."""
    caption, file = text.clean(message.caption or ""), message.document
    sound = message.voice or message.audio or message.video_note
    if file is not None:
        kind = Kind.PHOTO if file.mime_type in PICTURES else Kind.DOCUMENT
        return Incoming(kind, caller, caption, data=file.file_id, file_name=file.file_name or "")
    if sound is not None:
        name = getattr(sound, "file_name", None) or ""  # a voice message has none
        return Incoming(Kind.VOICE, caller, caption, data=sound.file_id, file_name=name)
    if message.video is not None:
        video = message.video
        return Incoming(Kind.DOCUMENT, caller, caption, data=video.file_id, file_name=video.file_name or "video.mp4")
    return None


def _read_text(said: str, caller: Caller) -> Incoming:
    if not said:
        return Incoming(Kind.EMPTY, caller)
    word, _, rest = said.partition(" ")
    if word == "/start":
        return Incoming(Kind.START, caller, said, data=rest.strip()[:64])
    meaning = COMMANDS.get(said.lower())
    if meaning is not None:
        return Incoming(Kind.COMMAND, caller, said, data=meaning)
    return Incoming(Kind.TEXT, caller, said)


def _unsupported(message: Message) -> Kind:
    if message.sticker:
        return Kind.STICKER
    if message.voice or message.audio or message.video_note:
        return Kind.VOICE
    if message.location or message.venue:
        return Kind.LOCATION
    return Kind.CONTACT if message.contact else Kind.OTHER
