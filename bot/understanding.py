"""Asking Rasa, through our own input channel."""

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, stop_after_delay, wait_fixed

from bot.http import KEEP_ALIVE_S
from bot.rasas import Rasas
from crm.outbox import Button, Content
from crm.settings import Settings
from crm.sightings import UNSURE, Heard

MAX_ANSWER_BYTES = 1_000_000
MAX_TEXT = 4096
RETRY_S = 0.25
CONNECT_S = 2.0
MOST_CONNECTIONS = 32
SHARE_OF_THE_FIRST = 2 / 3  # of the time: a Rasa that hangs leaves the next one enough to answer
ROW_WIDTH = 30
ROW_BUTTONS = 5
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)


class NotUnderstood(Exception):
    """Rasa gave no usable answer in time; the message says how."""


@dataclass(frozen=True)
class Answer:
    """What Rasa said, as messages ready for the outbox, and what it understood."""

    messages: list[Content]
    heard: Heard


class Understanding:
    """A client of one Rasa or of several, with one bounded connection pool."""

    def __init__(self, settings: Settings) -> None:
        self._timeout_s = settings.rasa_timeout_s
        self._rasas = Rasas(settings.rasa_urls)
        answer_s = self._timeout_s if len(self._rasas) == 1 else self._timeout_s * SHARE_OF_THE_FIRST
        self._patience = aiohttp.ClientTimeout(sock_connect=CONNECT_S, sock_read=answer_s)
        self._secret = settings.secret
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, body: dict[str, Any]) -> Answer:
        """Runs one turn. Raises NotUnderstood when Rasa is away, slow, answers an error or something unreadable."""
        try:
            answer = await self._post(body)
            if len(answer) > MAX_ANSWER_BYTES:
                raise NotUnderstood(f"Rasa answered more than {MAX_ANSWER_BYTES} bytes")
            return _read(json.loads(answer))
        except (aiohttp.ClientError, _NotServing, TimeoutError, OSError, *_UNREADABLE) as error:
            raise NotUnderstood(f"{type(error).__name__}: {error}") from error

    async def _post(self, body: dict[str, Any]) -> bytes:
        """Asks until a Rasa, which may be starting, serves or the time is over. A turn asked twice is answered once."""
        async with asyncio.timeout(self._timeout_s):
            async for attempt in AsyncRetrying(
                retry=self._is_worth_asking_again,
                wait=wait_fixed(RETRY_S),
                stop=stop_after_delay(self._timeout_s - 2 * RETRY_S),
                reraise=True,
            ):
                with attempt:
                    answer = await self._once(body)
            return answer

    async def _once(self, body: dict[str, Any]) -> bytes:
        url = self._rasas.next()
        try:
            async with self._connections().post(f"{url}/webhooks/trian/turn", json=body) as response:
                if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
                    raise _NotServing("Rasa is there but does not serve")
                response.raise_for_status()
                answer = await _at_most(response, MAX_ANSWER_BYTES + 1)
        except (aiohttp.ClientError, OSError, _NotServing, asyncio.CancelledError):
            self._rasas.failed(url)
            raise
        self._rasas.answered(url)
        return answer

    def _connections(self) -> aiohttp.ClientSession:
        """The pool, made on the loop that uses it. aiohttp costs a fifth of httpx's processor time a call."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S)
            headers = {"X-Trian-Secret": self._secret}
            self._session = aiohttp.ClientSession(
                connector=connector, headers=headers, timeout=self._patience, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    def _is_worth_asking_again(self, state: RetryCallState) -> bool:
        """Whether this or another Rasa may still answer: an error is asked for again only elsewhere, and once."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, aiohttp.ClientResponseError):
            return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and state.attempt_number < len(self._rasas)
        if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
            return len(self._rasas) > 1
        return isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError, _NotServing))


async def _at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or its first `limit` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body)


class _NotServing(Exception):
    """Rasa answers that it has no model yet, or that it is busy with this very conversation."""


def _read(body: dict[str, Any]) -> Answer:
    contents = [_content(message) for message in body["messages"]]
    return Answer(_merged([content for content in contents if content.text or content.photo]), _heard(body))


def _heard(body: dict[str, Any]) -> Heard:
    intent = body.get("intent") or {}
    guesses = [(str(guess["name"]), float(guess["confidence"])) for guess in body.get("ranking") or ()]
    return Heard(
        intent=intent.get("name"),
        confidence=float(intent.get("confidence") or 0.0),
        ranking=[{"name": name, "confidence": confidence} for name, confidence in guesses if name != UNSURE],
        model=body.get("model"),
        answers_form=body.get("answers_form") is True,
    )


def _content(message: dict[str, Any]) -> Content:
    buttons = [Button(str(b["title"]), str(b["payload"])) for b in message.get("buttons") or ()]
    return Content(str(message.get("text") or "")[:MAX_TEXT], photo=message.get("image"), buttons=_rows(buttons))


def _rows(buttons: list[Button]) -> list[list[Button]]:
    """Short buttons side by side, long ones below each other, so that no title is cut on a phone."""
    rows: list[list[Button]] = []
    for button in buttons:
        fits = rows and len(rows[-1]) < ROW_BUTTONS and _width([*rows[-1], button]) <= ROW_WIDTH
        if fits:
            rows[-1].append(button)
        else:
            rows.append([button])
    return rows


def _width(row: list[Button]) -> int:
    return sum(len(button.title) + 2 for button in row)


def _merged(contents: list[Content]) -> list[Content]:
    """Texts that follow each other become one message: a chat takes one message a second."""
    merged: list[Content] = []
    for content in contents:
        last = merged[-1] if merged else None
        joins = last and not (last.buttons or last.photo or content.photo)
        if last and joins and len(last.text) + len(content.text) + 2 <= MAX_TEXT:
            merged[-1] = Content(f"{last.text}\n\n{content.text}", buttons=content.buttons)
        else:
            merged.append(content)
    return merged
