"""The door between the bot and Rasa: POST /webhooks/trian/turn, GET /webhooks/trian/health."""

from __future__ import annotations

import hmac
import json
import logging
import re
import unicodedata
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.core.lock_store import LockError
from rasa.shared.exceptions import RasaException
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.response import json as json_response

from nlu.turns import ActionFailed, Turn, TurnProcessor

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Trian-Secret"
MAX_TEXT_CHARS = 8192
MAX_BODY_BYTES = 256 * 1024
_ID_CHARS = 255  # Rasa's sender_id column
_PAYLOAD = re.compile(r"/([a-z][a-z0-9_]*)(\{.*\})?", re.DOTALL)
_UNWRITABLE = frozenset({"Cs"})
_LEADING_JUNK = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})

Handler = Callable[[Request], Coroutine[Any, Any, HTTPResponse]]


class RequestRefused(Exception):
    """A request that gets an error for an answer, with its HTTP status."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class TrianInput(InputChannel):
    """Asked by the bot only. Every failure is an HTTP error with {"error": …}; a 200 means the turn is stored."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._turns: TurnProcessor | None = None

    @classmethod
    def name(cls) -> str:
        """The channel's name, and the prefix of its paths."""
        return "trian"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> TrianInput:
        """Build from credentials.yml. Raises RasaException without a secret: an open door is no default."""
        secret = str((credentials or {}).get("secret") or "").strip()
        if not secret or secret.startswith("${"):
            raise RasaException("the trian channel needs a secret: set TRIAN_SHARED_SECRET")
        return cls(secret)

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The two routes. `on_new_message` is not used: it loses exceptions and returns nothing."""
        routes = Blueprint("trian_input")
        routes.add_route(_errors_as_json(self._turn), "/turn", methods=["POST"], name="turn")
        routes.add_route(_errors_as_json(self._health), "/health", methods=["GET"], name="health")
        return routes

    async def _turn(self, request: Request) -> HTTPResponse:
        self._authorise(request)
        turn = read_turn(request)
        agent = _ready_agent(request)
        turns = self._processor(agent)
        if turn.text.startswith("/"):
            _check_intent(turn.text, turns)
        async with agent.lock_store.lock(turn.conversation_id):
            result = await turns.handle_turn(turn)
        return json_response(
            {
                "messages": result.messages,
                "replayed": result.replayed,
                "intent": result.intent,
                "ranking": result.ranking,
                "answers_form": result.answers_form,
                "model": agent.model_name,
                "failed_actions": result.failed_actions,
            }
        )

    async def _health(self, request: Request) -> HTTPResponse:
        agent = _ready_agent(request)
        model = str(agent.model_name)
        fingerprint = re.fullmatch(r"trian-([0-9a-f]+)\.tar\.gz", model)
        follower = getattr(request.app.ctx, "follower", None)
        refused = follower.refused if follower else None
        return json_response(
            {
                "status": "degraded" if refused else "ok",
                "model": model,
                "fingerprint": fingerprint[1] if fingerprint else agent.model_id,
                "refused_model": refused,
            }
        )

    def _authorise(self, request: Request) -> None:
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._secret):
            raise RequestRefused(401, "wrong_secret")

    def _processor(self, agent: Agent) -> TurnProcessor:
        """The agent's model with turns; made anew if Rasa has loaded another model."""
        assert agent.processor is not None
        if self._turns is None or self._turns.graph_runner is not agent.processor.graph_runner:
            self._turns = TurnProcessor.sharing(agent.processor)
        return self._turns


def plain_text(text: str) -> str:
    """What a customer typed, made safe: NFC, no NUL or lone surrogate, and nothing Rasa could read as "/intent"."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(char for char in text if char != "\0" and unicodedata.category(char) not in _UNWRITABLE)
    start = 0
    while start < len(text) and (text[start] == "/" or unicodedata.category(text[start]) in _LEADING_JUNK):
        start += 1
    return text[start:].rstrip()


def read_turn(request: Request) -> Turn:
    """Check the request's form. Raises RequestRefused (400, 413, 415)."""
    if request.content_type.split(";")[0].strip().lower() != "application/json":
        raise RequestRefused(415, "not_json")
    if len(request.body) > MAX_BODY_BYTES:
        raise RequestRefused(413, "too_long")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise RequestRefused(400, "bad_json") from None
    if not isinstance(body, dict):
        raise RequestRefused(400, "bad_body")
    return Turn(
        conversation_id=_identifier(body, "conversation_id"),
        turn_id=_identifier(body, "turn_id"),
        text=_said(body),
        slots=_mapping(body, "slots"),
        metadata=_mapping(body, "metadata"),
        anew=body.get("anew") is True,
    )


def _identifier(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= _ID_CHARS or not value.isprintable():
        raise RequestRefused(400, f"bad_{key}")
    return value


def _mapping(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key)
    if value is not None and not isinstance(value, dict):
        raise RequestRefused(400, f"bad_{key}")
    return value or {}


def _said(body: dict[str, Any]) -> str:
    text, payload = body.get("text"), body.get("payload")
    if (text is None) == (payload is None) or not isinstance(text if payload is None else payload, str):
        raise RequestRefused(400, "text_or_payload")
    said = str(text if payload is None else payload)
    if len(said) > MAX_TEXT_CHARS:
        raise RequestRefused(413, "too_long")
    return plain_text(said) if payload is None else _payload(said)


def _payload(payload: str) -> str:
    match = _PAYLOAD.fullmatch(payload)
    try:
        if match is None or not isinstance(json.loads(match[2] or "{}"), dict):
            raise ValueError
    except (ValueError, RecursionError):
        raise RequestRefused(400, "bad_payload") from None
    return payload


def _check_intent(payload: str, turns: TurnProcessor) -> None:
    match = _PAYLOAD.fullmatch(payload)
    if match is None or match[1] not in turns.domain.intents:
        raise RequestRefused(400, "unknown_intent")


def _ready_agent(request: Request) -> Agent:
    agent: Agent | None = getattr(request.app.ctx, "agent", None)
    if agent is None or not agent.is_ready():
        raise RequestRefused(503, "no_model")
    return agent


def _errors_as_json(handler: Handler) -> Handler:
    """Answer every failure as an error. The log gets the trace, never the customer's words."""

    @wraps(handler)
    async def guarded(request: Request) -> HTTPResponse:
        try:
            return await handler(request)
        except RequestRefused as refused:
            return json_response({"error": str(refused)}, status=refused.status)
        except ActionFailed as failed:
            logger.error("turn without an answer, failed actions: %s", failed)
            return json_response({"error": "action_failed", "failed_actions": failed.actions}, status=502)
        except LockError:
            return json_response({"error": "busy"}, status=503)
        except Exception:
            logger.exception("turn failed")
            return json_response({"error": "internal"}, status=500)

    return guarded
