"""A client of the API without a console around it: the application itself, on the test's database."""

from collections.abc import Collection

from starlette.testclient import TestClient

from console.api import app, calls, tokens
from crm import api_tokens
from crm.api_tokens import Scope
from crm.db import Database


def use(monkeypatch: object, database: Database) -> None:
    """Lets the API work on `database`."""
    for module in (calls, tokens):
        monkeypatch.setattr(module, "database", lambda _url: database)  # type: ignore[attr-defined]


def issued(database: Database, scopes: Collection[Scope] = tuple(Scope), days: int = 30) -> tuple[int, str]:
    """A new token: its number and itself."""
    with database.begin() as session:
        token, secret = api_tokens.issue(session, None, "Hệ thống bán hàng", scopes, days)
        return token.id, secret


def client(secret: str) -> TestClient:
    """Sends `secret` with each request; an unexpected error is an answer, not an exception."""
    headers = {"authorization": f"Bearer {secret}"}
    return TestClient(app.create(), headers=headers, raise_server_exceptions=False)
