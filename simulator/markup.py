"""Checking reply_markup the way Telegram does."""

from __future__ import annotations

from typing import Any

from simulator.errors import bad_request
from simulator.params import Params

Json = dict[str, Any]
_ACTIONS = {
    "url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay",
}  # fmt: skip
_KINDS = ("inline_keyboard", "keyboard", "remove_keyboard", "force_reply")


def _check_button(button: Any) -> None:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    if not button["text"].strip():
        raise bad_request("inline keyboard button text must be non-empty")
    actions = _ACTIONS & button.keys()
    if len(actions) != 1:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in button and not 1 <= len(str(button["callback_data"]).encode()) <= 64:
        raise bad_request("BUTTON_DATA_INVALID")
    if "url" in button and not str(button["url"]).startswith(("http://", "https://", "tg://")):
        raise bad_request("BUTTON_URL_INVALID")


def _check_inline(rows: Any) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("can't parse reply keyboard markup JSON object")
    for row in rows:
        for button in row:
            _check_button(button)
    if sum(map(len, rows)) > 100:
        raise bad_request("reply markup is too long")


def read_markup(params: Params, inline_only: bool = False) -> Json | None:
    """The reply_markup of a call, checked; None when there is none. ApiError 400 when Telegram would refuse it."""
    markup: Json | None = params.json("reply_markup", dict)
    if not markup:
        return None
    if not any(kind in markup for kind in _KINDS) or (inline_only and "inline_keyboard" not in markup):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in markup:
        _check_inline(markup["inline_keyboard"])
    if "keyboard" in markup:
        rows = [[b if isinstance(b, dict) else {"text": str(b)} for b in row] for row in markup["keyboard"]]
        markup = markup | {"keyboard": rows}
    return markup
