"""Every refusal of the API as one shape: `application/problem+json` (RFC 9457) with a sentence that says what to do."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput, NotFound, PermissionDenied, TrianError

log = structlog.get_logger(__name__)
TITLES = {
    400: "Bad request",
    401: "No valid token",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "Too large",
    422: "Not usable",
    428: "If-Match is missing",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available",
}
_STATUS: dict[type[TrianError], int] = {
    NotFound: 404,
    InvalidInput: 422,
    IllegalTransition: 409,
    AlreadyHeld: 409,
    PermissionDenied: 403,
}


class Refused(Exception):
    """A request that is answered with a problem: `code` names it for programs, `detail` says it to people."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers, self.more = status, code, detail, headers, more


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """The answer itself."""
    body = {"type": f"urn:trian:problem:{code}", "title": TITLES.get(status, "Error"), "status": status}
    body |= {"code": code, "detail": detail, **more}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def install(application: FastAPI) -> None:
    """Gives `application` the handlers for everything that may go wrong in it."""
    application.add_exception_handler(Refused, _refused)
    application.add_exception_handler(TrianError, _of_crm)
    application.add_exception_handler(RequestValidationError, _unusable)
    application.add_exception_handler(HTTPException, _http)
    application.add_exception_handler(SQLAlchemyError, _away)
    application.add_exception_handler(Exception, _trouble)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem(error.status, error.code, error.detail, error.headers, **error.more)


async def _of_crm(_request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 409)
    more: dict[str, Any] = {"field": error.field} if isinstance(error, InvalidInput) else {}
    code = {404: "not_found", 422: "invalid", 403: "forbidden"}.get(status, "conflict")
    return problem(status, code, str(error), **more)


async def _unusable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # What was sent is not repeated: it may be somebody's phone, and answers end in other people's logs.
    wrong = [{"where": ".".join(map(str, each["loc"])), "what": each["msg"]} for each in error.errors()[:50]]
    return problem(422, "invalid", "Some values cannot be used; `errors` names each.", errors=wrong)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.status_code, "refused")
    return problem(error.status_code, code, str(error.detail), dict(error.headers or {}))


async def _away(_request: Request, error: Exception) -> Response:
    log.error("api_database", error=type(error).__name__)
    return problem(
        503, "database", "The data could not be reached. Nothing was changed; try again.", {"Retry-After": "2"}
    )


async def _trouble(_request: Request, error: Exception) -> Response:
    log.error("api_trouble", error=type(error).__name__)
    return problem(500, "internal", "This should not happen; the log of the console says what did.")
