"""What every module of the API is made of: routes that name their scope, sessions, pages by key, ETags."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.responses import Response

from console.api.errors import Refused
from console.api.tokens import caller_of
from crm.api_tokens import Scope
from crm.db import database
from crm.models.staff import Staff
from crm.settings import settings

T = TypeVar("T")
Shown = TypeVar("Shown", bound=BaseModel)
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
SCOPE = "x-scope"
Limit = Annotated[int, Query(ge=1, le=200, description="So many at the most.")]
After = Annotated[int, Query(ge=0, description="`next` of the page before.")]


class Page(BaseModel, Generic[T]):
    """`next` is what to give as `after` for the next page; null on the last one."""

    items: list[T]
    next: int | None


class Written(BaseModel):
    """What a token reads back of what it wrote when it may write and not read. The ETag is that of the whole."""

    id: int


class Resource:
    """The routes of one topic. A route without a scope cannot be written: it is an argument that has no default."""

    def __init__(self, name: str) -> None:
        self.router = APIRouter(tags=[name])

    def route(self, method: str, path: str, scope: Scope, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Registers the endpoint for tokens that have `scope`."""

        def register(endpoint: Endpoint) -> Endpoint:
            self.router.add_api_route(path, endpoint, methods=[method], openapi_extra={SCOPE: scope.value}, **options)
            return endpoint

        return register


def allowed(request: Request) -> None:
    """What the whole application depends on. Raises Refused: the token lacks the route's scope, or it has none."""
    scope = (getattr(request.scope.get("route"), "openapi_extra", None) or {}).get(SCOPE)
    if scope not in caller_of(request).scopes:
        raise Refused(403, "scope", f"The token lacks the scope {scope}.", scope=scope)


def look(work: Callable[[Session], T]) -> T:
    """Runs `work` in a reading session."""
    with database(settings().database_url).read() as session:
        return work(session)


def act(request: Request, work: Callable[[Session, Staff], T]) -> T:
    """Runs `work` in one transaction, as the token that asks: its name stands in the audit log."""
    with database(settings().database_url).begin() as session:
        return work(session, session.get_one(Staff, caller_of(request).staff_id))


def page(rows: Sequence[Any], limit: int, shape: Callable[[Any], T]) -> Page[T]:
    """A page of `rows`, of which one more than `limit` were asked for."""
    shown = rows[:limit]
    return Page(items=[shape(row) for row in shown], next=shown[-1].id if len(rows) > limit else None)


def etag(shown: BaseModel) -> str:
    """Changes with what is shown."""
    whole = json.dumps(shown.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return f'"{hashlib.sha256(whole.encode()).hexdigest()[:24]}"'


def tagged(response: Response, shown: T) -> T:
    """Gives the answer the ETag of what it shows."""
    assert isinstance(shown, BaseModel)
    response.headers["ETag"] = etag(shown)
    return shown


def readable(request: Request, response: Response, shown: Shown, scope: Scope) -> Shown | Written:
    """What is answered to a writing call: `shown`, for a token that has the reading `scope`; else its number alone."""
    tagged(response, shown)
    return shown if scope in caller_of(request).scopes else Written.model_validate(shown, from_attributes=True)


def must_match(request: Request, shown: BaseModel, *, required: bool) -> None:
    """Raises Refused when the caller last saw something else than `shown`: nobody overwrites what they do not know.

    Call it with the row locked.
    """
    given = request.headers.get("if-match")
    if given is None:
        if required:
            raise Refused(428, "if_match", "Send If-Match with the ETag that you read, so that no change is lost.")
        return
    if given.strip() != "*" and etag(shown) not in {each.strip() for each in given.split(",")}:
        raise Refused(412, "changed", "It has changed since you read it. Read it again.", etag=etag(shown))
