"""The console's words in the reader's language: gettext catalogues, compiled into memory when the console starts."""

import io
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from nicegui import translations as nicegui_words
from nicegui.context import context

DEFAULT = "vi"
LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
LOCALES = Path(__file__).parent / "locales"

of_request: ContextVar[str] = ContextVar("of_request", default=DEFAULT)
_of_screen: ContextVar[str | None] = ContextVar("_of_screen", default=None)  # what is set here is not asked of NiceGUI
_of_client: dict[str, str] = {}


def _(message: str) -> str:
    """`message` (English, as in the source) as the person at this screen reads it."""
    return catalogue(current()).gettext(message)


def plural(one: str, many: str, number: int) -> str:
    """`one` or `many` after the language's own rule, with {n} filled in."""
    return catalogue(current()).ngettext(one, many, number).format(n=number)


def current() -> str:
    """The language of the screen being built or changed; outside of one, of the request being answered."""
    known = _of_screen.get()
    if known is not None:
        return known
    with suppress(RuntimeError):
        return _of_client.get(context.client.id, of_request.get())
    return of_request.get()


def remember(client_id: str, language: str) -> None:
    """Events and live updates of this screen come without a request: its language is kept until it closes."""
    _of_client[client_id] = language


def enter(client_id: str) -> None:
    """The task works for this screen alone from now on; so do those that it starts."""
    _of_screen.set(_of_client.get(client_id))


def forget(client_id: str) -> None:
    """The screen closed."""
    _of_client.pop(client_id, None)


def chosen(wanted: object) -> str:
    """`wanted` when it is a language of ours, else Vietnamese."""
    return str(wanted) if wanted in LANGUAGES else DEFAULT


@lru_cache(maxsize=8)
def catalogue(language: str) -> NullTranslations:
    """The compiled catalogue, one for all topics; git holds the .po only."""
    compiled = io.BytesIO()
    write_mo(compiled, parsed(language))
    compiled.seek(0)
    return Translations(compiled, domain="console")


def parsed(language: str) -> Catalog:
    """What stands in the language's files, one a topic. A sentence stands in one of them only; KeyError otherwise."""
    whole = Catalog(locale=language, domain="console")
    for path in sorted((LOCALES / language / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as source:
            for message in read_po(source, locale=language, domain="console"):
                if message.id and message.id in whole:
                    raise KeyError(f"{path.name}: {message.id} is translated in another file too")
                whole[message.id] = message
    return whole


def translate_nicegui() -> None:
    """Gives NiceGUI's own two notices (connection lost, message too long) Vietnamese words."""
    say = catalogue("vi").gettext
    nicegui_words.translations["vi"] = {
        "connection_lost": say("The connection was lost."),
        "trying_to_reconnect": say("Trying to reconnect…"),
        "message_too_long": say("The message is too long."),
        "message_too_long_body": say("It is too large to be sent at once."),
    }
