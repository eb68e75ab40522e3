from typing import Any

import pytest

from bot.updates import Kind, read

USER = {"id": 5, "is_bot": False, "first_name": "Hạnh", "last_name": "Lê"}


def message(**content: Any) -> dict[str, Any]:
    base = {"message_id": 1, "date": 1, "chat": {"id": 5, "type": "private"}, "from": USER}
    return {"update_id": 1, "message": {**base, **content}}


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        ({"text": "máy giặt ko vắt"}, Kind.TEXT, "máy giặt ko vắt"),
        ({"text": "ma\u0301y"}, Kind.TEXT, "máy"),
        ({"text": "/restart"}, Kind.TEXT, "/restart"),
        ({"text": "/start sp_NC01"}, Kind.START, "/start sp_NC01"),
        ({"text": "/nguoi"}, Kind.COMMAND, "/nguoi"),
        ({"text": "NHAN"}, Kind.COMMAND, "NHAN"),
        ({"text": "\u200b\u2060"}, Kind.EMPTY, ""),
        ({"text": "a\u202eb\x00c"}, Kind.TEXT, "abc"),
        ({"location": {"longitude": 1.0, "latitude": 2.0}}, Kind.LOCATION, ""),
        ({"contact": {"phone_number": "0900", "first_name": "A"}}, Kind.CONTACT, ""),
        ({"voice": {"file_id": "f", "file_unique_id": "u", "duration": 1}}, Kind.VOICE, ""),
        ({"dice": {"emoji": "🎲", "value": 1}}, Kind.OTHER, ""),
    ],
)
def test_what_a_message_means(content: dict[str, Any], kind: Kind, text: str) -> None:
    incoming = read(9, message(**content))
    assert (incoming.kind, incoming.text, incoming.caller.chat_id) == (kind, text, 5)


def test_a_button_press_carries_its_token() -> None:
    query = {"id": "q", "from": USER, "chat_instance": "i", "data": "token", "message": message(text="?")["message"]}
    incoming = read(9, {"update_id": 2, "callback_query": query})
    assert (incoming.kind, incoming.data, incoming.callback_id) == (Kind.BUTTON, "token", "q")


def test_groups_and_unknown_updates_are_ignored() -> None:
    group = message(text="hi")
    group["message"]["chat"] = {"id": -7, "type": "group", "title": "g"}
    assert read(9, group).kind is Kind.IGNORED
    assert read(9, {"update_id": 3}).kind is Kind.IGNORED


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("Hùng", "Nguyễn Văn", "Nguyễn Văn Hùng"),
        ("Nguyễn Văn", "Hùng", "Nguyễn Văn Hùng"),
        ("Trần Thị Mai", None, "Trần Thị Mai"),
        ("Mai", "Lê", "Lê Mai"),
        ("Anna", "Smith", "Anna Smith"),
    ],
)
def test_a_name_is_put_into_vietnamese_order(first: str, last: str | None, name: str) -> None:
    update = message(text="chào")
    update["message"]["from"] = {"id": 5, "is_bot": False, "first_name": first, "last_name": last}
    assert read(9, update).caller.name == name


def test_an_edited_message_is_not_a_new_one() -> None:
    edited = {"update_id": 4, "edited_message": message(text="từ hôm qua")["message"]}
    incoming = read(9, edited)
    assert (incoming.kind, incoming.text) == (Kind.EDITED, "từ hôm qua")
