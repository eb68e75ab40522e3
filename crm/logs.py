"""Logs of every process: one line an event, as text or as JSON, without message texts, tokens and phone numbers.

No event is given a text that a customer or the staff wrote. What errors and libraries say is not ours to choose: tokens
and long numbers in it are blotted out on the way to the line.
"""

import contextlib
import io
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog.typing import Processor

from crm.settings import settings

# Telegram's token, in a URL or alone; the number in front of the colon is the bot's, and no secret.
_TOKEN = re.compile(r"(\d{5,}):[\w-]{20,}")
_PASSWORD = re.compile(r"(\w+://[^\s:/@]+):[^\s@/]+@")
# A Vietnamese phone number, in one piece or in groups. Counts and ids of ours are shorter, Telegram's do not begin so.
_PHONE = re.compile(r"(?<![\w.:-])(?:\+?84|0)(?:[ .\-]?\d){8,10}(?![\w:])")
_BLOT = "***"
# structlog's own choice shows the local variables of each frame: what customers wrote is among them.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
_ORDER = ("timestamp", "level", "event")


def configure(level: str, form: str | None = None) -> None:
    """Sends structlog and the standard library's loggers to stderr, one line an event.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
        form: text or json; TRIAN_LOG_FORMAT without it.
    """
    render: list[Processor] = (
        [_TRACEBACKS, blot_out, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if (form or settings().log_format) == "json"
        else [
            structlog.processors.format_exc_info,
            blot_out,
            structlog.processors.KeyValueRenderer(key_order=list(_ORDER), drop_missing=True),
        ]
    )
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    ours: list[Processor] = [structlog.processors.add_log_level, stamp]
    lines = cast(TextIO, Lines(sys.stderr))
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*ours, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(level=level, handlers=[handler])
    for noisy in ("alembic", "apscheduler", "httpcore", "httpx"):
        # httpx logs Telegram's URLs, token included, at INFO.
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # python-telegram-bot writes answers that it cannot read into its log, whole: they are what customers wrote.
    logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[*ours, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(lines),
        cache_logger_on_first_use=True,
    )


class Lines(io.TextIOBase):
    """Where lines go, as long as they can be written: on a full disk they are lost, and the process goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, words: str) -> int:
        """Writes, or does not; `words` count as written."""
        with contextlib.suppress(OSError):
            self._stream.write(words)
        return len(words)

    def flush(self) -> None:
        """Sends on what was written, or does not."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def blot_out(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Structlog's step that makes tokens, passwords in URLs and phone numbers unreadable, however deep they lie."""
    return {key: _blotted(value) for key, value in event.items()}


def _blotted(value: Any) -> Any:
    if isinstance(value, str):
        return _PHONE.sub(_BLOT, _PASSWORD.sub(rf"\1:{_BLOT}@", _TOKEN.sub(rf"\1:{_BLOT}", value)))
    if isinstance(value, Mapping):
        return {key: _blotted(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_blotted(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float) else _blotted(str(value))
