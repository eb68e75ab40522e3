"""Why Telegram did not take a message, in words for staff, from what it answered or how the connection ended."""

from console.language import _


def told(reason: str) -> str:
    """The kind of trouble that `reason`, as it stands on a message, is of; what is of none is quoted."""
    lowered = reason.lower()
    for marks, words in _kinds():
        if any(mark in lowered for mark in marks):
            return words
    return _("Telegram refused it: {words}").format(words=reason)


def _kinds() -> list[tuple[tuple[str, ...], str]]:
    """What to look for, the most telling first, and what it means."""
    return [*_of_the_chat(), *_of_the_message(), *_of_the_line()]


def _of_the_chat() -> list[tuple[tuple[str, ...], str]]:
    return [
        (("blocked by the user",), _("blocked the shop on Telegram")),
        (("user is deactivated",), _("closed their Telegram account")),
        (("chat not found", "user not found", "peer_id_invalid"), _("this chat is no longer there")),
        (("can't initiate conversation", "can't send messages to bots"), _("has never written to the shop")),
        (
            ("bot was kicked", "not a member", "not enough rights", "no rights", "forbidden"),
            _("the shop may not write in this chat"),
        ),
        (
            ("unauthorized", "invalidtoken", "token was rejected", "invalid token"),
            _("Telegram refused the bot's token"),
        ),
        (("too many requests", "flood control", "retry in"), _("Telegram asked the shop to send more slowly")),
    ]


def _of_the_message() -> list[tuple[tuple[str, ...], str]]:
    return [
        (("too long", "caption_too_long"), _("the text is too long for Telegram")),
        (("text is empty", "must be non-empty", "text must be encoded"), _("the text is empty or cannot be read")),
        (("can't parse", "entity"), _("the markup in the text is broken")),
        (("button", "reply markup", "keyboard"), _("a button of the message is not valid")),
        (("filenotfounderror", "no such file"), _("the file is no longer there")),
        (("file", "photo", "image", "media", "document", "voice"), _("Telegram does not take this picture or file")),
    ]


def _of_the_line() -> list[tuple[tuple[str, ...], str]]:
    return [
        (("sender stopped",), _("the program stopped while this was being sent")),
        (("connector", "connectiontimeout", "proxyerror", "not initialised"), _("Telegram could not be reached")),
        (
            ("bad gateway", "gateway timeout", "internal server error", "service unavailable", "server error"),
            _("Telegram was out of order"),
        ),
        (
            (
                "timeout",
                "timed out",
                "timedout",
                "disconnected",
                "clientoserror",
                "payloaderror",
                "reset",
                "connection",
            ),
            _("the connection broke while this was being sent"),
        ),
        (("invalid server response", "unknown http", "jsondecode"), _("Telegram's answer could not be read")),
    ]
