"""The Bot API methods that act on chats. Each takes the world, the bot and the parameters and returns `result`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from simulator import media
from simulator.entities import format_text, utf16_length
from simulator.errors import ApiError, bad_request
from simulator.markup import read_markup
from simulator.params import Params
from simulator.state import Bot, Chat, Message, Person, World

Json = dict[str, Any]
Method = Callable[[World, Bot, Params], Any]

MAX_TEXT, MAX_CAPTION = 4096, 1024
_ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
}  # fmt: skip


def find_chat(world: World, bot: Bot, params: Params) -> tuple[Person, Chat]:
    """The chat a call names, if the bot may write there; else Telegram's 400 or 403."""
    if not params.text("chat_id"):
        raise bad_request("chat_id is empty")
    person = world.people.get(params.chat_id() or 0)
    chat = bot.chats.get(person.id) if person else None
    if person is None or chat is None:
        raise bad_request("chat not found")
    if person.deactivated:
        raise ApiError(403, "Forbidden: user is deactivated")
    if chat.blocked:
        raise ApiError(403, "Forbidden: bot was blocked by the user")
    return person, chat


def _formatted(params: Params, name: str, limit: int, too_long: str) -> Json:
    """{name: text, name's entities} of a call; a text that turns out empty gives {}."""
    key = "entities" if name == "text" else "caption_entities"
    text, entities = format_text(params.text(name) or "", params.text("parse_mode"), params.json(key, list))
    if utf16_length(text) > limit:
        raise bad_request(too_long)
    return ({name: text} | ({key: entities} if entities else {})) if text else {}


def _text(params: Params) -> Json:
    content = _formatted(params, "text", MAX_TEXT, "message is too long")
    if not content:
        raise bad_request("message text is empty")
    return content


def _caption(params: Params) -> Json:
    return _formatted(params, "caption", MAX_CAPTION, "message caption is too long")


def _reply_to(chat: Chat, params: Params) -> Json:
    wanted: Json = params.json("reply_parameters", dict) or {}
    message_id = Params(wanted).number("message_id") or params.number("reply_to_message_id")
    if not message_id:
        return {}
    message = chat.messages.get(message_id)
    if message and not message.deleted:
        return {"reply_to_message": {k: v for k, v in message.telegram.items() if k != "reply_to_message"}}
    if wanted.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply"):
        return {}
    raise bad_request("message to be replied not found")


def _send(world: World, bot: Bot, params: Params, content: Callable[[], Json]) -> Json:
    """Posts what `content` gives as the bot's message, with its keyboard; shared by every send method."""
    body = content()
    markup = read_markup(params)
    person, chat = find_chat(world, bot, params)
    body |= _reply_to(chat, params)
    world.limiter.check(bot.id, person.id)
    if markup and "inline_keyboard" in markup:
        body["reply_markup"] = markup
    elif markup and "force_reply" not in markup:
        chat.keyboard = markup if "keyboard" in markup else None
        world.changed({"type": "keyboard", "bot": bot.id, "user": person.id, "keyboard": chat.keyboard})
    return world.post(bot, person, body, from_bot=True).telegram


def send_message(world: World, bot: Bot, params: Params) -> Json:
    return _send(world, bot, params, lambda: _text(params))


def _photo(world: World, bot: Bot, params: Params) -> list[Json]:
    given = params.text("photo") or ""
    attached = params.files.get(given.removeprefix("attach://") if given else "photo")
    if attached is not None:
        return media.photo_sizes(world, attached)
    if given.startswith(("http://", "https://")):  # the page shows it from there; nothing is fetched here
        stored = media.store(world, "photos", given.encode(), "text/x-url", "jpg")
        return media.known_photo(stored | {"file_size": 0}, (640, 480))
    file = world.files.get(given)
    if file is None:
        raise bad_request("wrong file identifier/HTTP URL specified" if given else "there is no photo in the request")
    size = media.picture_size(file.data) or (640, 480)
    return media.known_photo({"file_id": file.id, "file_unique_id": file.id[:12], "file_size": len(file.data)}, size)


def send_photo(world: World, bot: Bot, params: Params) -> Json:
    find_chat(world, bot, params)  # before the picture is stored
    return _send(world, bot, params, lambda: {"photo": _photo(world, bot, params)} | _caption(params))


def _file(world: World, kind: str, params: Params) -> Json:
    """A file that is uploaded with the call, as Message.document or Message.voice describes it."""
    field = (params.text(kind) or kind).removeprefix("attach://")
    attached = params.files.get(field)
    if attached is None:
        raise bad_request(f"there is no {kind} in the request")
    if kind == "voice":
        return media.store(world, "voice", attached, "audio/ogg", "ogg") | {"duration": 1, "mime_type": "audio/ogg"}
    return media.document(world, attached, params.file_names.get(field, "file"))


def send_document(world: World, bot: Bot, params: Params) -> Json:
    find_chat(world, bot, params)
    return _send(world, bot, params, lambda: {"document": _file(world, "document", params)} | _caption(params))


def send_voice(world: World, bot: Bot, params: Params) -> Json:
    find_chat(world, bot, params)
    return _send(world, bot, params, lambda: {"voice": _file(world, "voice", params)} | _caption(params))


def send_chat_action(world: World, bot: Bot, params: Params) -> bool:
    person, _ = find_chat(world, bot, params)
    if params.text("action") not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    world.changed({"type": "typing", "bot": bot.id, "user": person.id, "action": params.text("action")})
    return True


def _message(world: World, bot: Bot, params: Params, purpose: str) -> Message:
    _, chat = find_chat(world, bot, params)
    message = chat.messages.get(params.number("message_id") or 0)
    if message is None or message.deleted:
        raise bad_request(f"message to {purpose} not found")
    if purpose == "edit" and not message.from_bot:
        raise bad_request("message can't be edited")
    return message


def _edit(world: World, bot: Bot, message: Message, content: Json, markup: Json | None, drop: set[str]) -> Json:
    """Applies an edit in place; the keyboard goes unless it is given again."""
    kept = {k: v for k, v in message.telegram.items() if k not in drop | {"reply_markup", "edit_date"}}
    changed = kept | content
    if markup and markup["inline_keyboard"]:
        changed["reply_markup"] = markup
    if changed == {k: v for k, v in message.telegram.items() if k != "edit_date"}:
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same "
            "as a current content and reply markup of the message"
        )
    message.telegram = changed | {"edit_date": int(time.time())}
    message.rev = world.next_rev()
    world.tell_message(bot, message)
    return message.telegram


def edit_message_text(world: World, bot: Bot, params: Params) -> Json:
    content, markup = _text(params), read_markup(params, inline_only=True)
    message = _message(world, bot, params, "edit")
    if "text" not in message.telegram:
        raise bad_request("there is no text in the message to edit")
    return _edit(world, bot, message, content, markup, {"text", "entities"})


def edit_message_caption(world: World, bot: Bot, params: Params) -> Json:
    content, markup = _caption(params), read_markup(params, inline_only=True)
    message = _message(world, bot, params, "edit")
    return _edit(world, bot, message, content, markup, {"caption", "caption_entities"})


def edit_message_reply_markup(world: World, bot: Bot, params: Params) -> Json:
    markup = read_markup(params, inline_only=True)
    return _edit(world, bot, _message(world, bot, params, "edit"), {}, markup, set())


def delete_message(world: World, bot: Bot, params: Params) -> bool:
    message = _message(world, bot, params, "delete")
    if time.time() - message.telegram["date"] > 48 * 3600:
        raise bad_request("message can't be deleted for everyone")
    message.deleted, message.rev = True, world.next_rev()
    world.tell_message(bot, message)
    return True


def answer_callback_query(world: World, bot: Bot, params: Params) -> bool:
    query = bot.queries.get(params.text("callback_query_id") or "")
    if query is None or time.monotonic() - query.at > world.callback_ttl_s:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if utf16_length(params.text("text") or "") > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = {"text": params.text("text") or "", "show_alert": params.flag("show_alert"), "url": params.text("url")}
    query.answer = answer
    world.changed({"type": "answer", "bot": bot.id, "user": query.user_id, "query": query.id, "answer": answer})
    return True


# Those that reach a customer, by their names in lower case; the log of calls holds every one of these.
OUTGOING: dict[str, Method] = {
    "sendmessage": send_message,
    "sendphoto": send_photo,
    "senddocument": send_document,
    "sendvoice": send_voice,
    "sendchataction": send_chat_action,
    "editmessagetext": edit_message_text,
    "editmessagecaption": edit_message_caption,
    "editmessagereplymarkup": edit_message_reply_markup,
    "deletemessage": delete_message,
    "answercallbackquery": answer_callback_query,
}
