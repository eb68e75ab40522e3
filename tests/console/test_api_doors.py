"""The API's door: nothing without a good token of the right scope, within its rate."""

import re
from datetime import timedelta

import httpx
import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from console.api import app, tokens
from console.api.rate import Limiter
from crm import api_tokens, clock
from crm.api_tokens import Scope
from crm.db import Database
from crm.errors import InvalidInput
from crm.models.integration import ApiToken
from tests.console.api_client import client, issued, use
from tests.console.steps import Desk, visitor


def _path(pattern: str) -> str:
    return re.sub(r"\{.*?\}", "999999", pattern)


def test_every_route_names_a_scope_and_needs_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, database)
    monkeypatch.setattr(tokens.settings(), "api_rate", 0)
    routes = app.routes()
    assert len(routes) > 15
    assert {scope for _, _, scope in routes} == {scope.value for scope in Scope}
    opens = client(issued(database)[1])
    for scope in Scope:
        others = client(issued(database, [each for each in Scope if each is not scope])[1])
        for method, path, needed in routes:
            if needed == scope:
                refused = others.request(method, _path(path))
                assert (refused.status_code, refused.json()["scope"]) == (403, scope.value), path
                assert opens.request(method, _path(path)).status_code in (200, 404, 422), path


def test_a_route_that_was_written_without_a_scope_is_refused_to_everybody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, database)
    forgotten = APIRouter()
    forgotten.add_api_route("/forgotten", lambda: {"secret": 1})
    monkeypatch.setattr(app.ratings.resource, "router", forgotten)
    assert client(issued(database)[1]).get("/v1/forgotten").status_code == 403


def test_only_a_token_that_is_good_opens(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, database)
    number, secret = issued(database)
    good = client(secret)
    assert good.get("/v1/products").status_code == 200
    assert good.get("/v1/openapi.json").json()["info"]["title"] == "Tri Ân"
    for headers in ({}, {"authorization": "Bearer "}, {"authorization": f"Basic {secret}"}, {"authorization": secret}):
        answer = TestClient(app.create(), headers=headers).get("/v1/products")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "no_token"
    assert client("").get("/v1/openapi.json").status_code == 401
    assert client(secret + "x").get("/v1/products").status_code == 401
    with database.begin() as session:
        assert session.get_one(ApiToken, number).last_used_at is not None
        session.get_one(ApiToken, number).expires_at = clock.now() - timedelta(seconds=1)
    assert good.get("/v1/products").status_code == 401
    number, secret = issued(database)
    with database.begin() as session:
        api_tokens.revoke(session, None, number)
    assert client(secret).get("/v1/products").status_code == 401


def test_a_token_is_kept_as_a_hash_and_needs_name_scope_and_end(database: Database) -> None:
    _, secret = issued(database)
    with database.read() as session:
        row = session.get_one(ApiToken, 1)
        assert secret not in repr(vars(row))
        assert secret.startswith(row.hint)
        assert not row.staff.active
    for name, scopes, days in (("", [Scope.RATINGS_READ], 30), ("x", [], 30), ("x", [Scope.RATINGS_READ], 0)):
        with database.begin() as session, pytest.raises(InvalidInput):
            api_tokens.issue(session, None, name, scopes, days)


def test_too_many_requests_are_told_when_to_come_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, database)
    monkeypatch.setattr(tokens.settings(), "api_rate", 3)
    one, other = issued(database)[1], issued(database)[1]
    at_once = TestClient(app.create())
    answers = [at_once.get("/v1/products", headers={"authorization": f"Bearer {one}"}) for _ in range(6)]
    assert [answer.status_code for answer in answers[:3]] == [200] * 3
    assert [answer.headers["ratelimit-remaining"] for answer in answers[:3]] == ["2", "1", "0"]
    late = answers[-1]
    assert (late.status_code, late.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(late.headers["retry-after"]) <= 20
    assert at_once.get("/v1/products", headers={"authorization": f"Bearer {other}"}).status_code == 200


def test_the_bucket_fills_evenly() -> None:
    now = [0.0]
    limiter = Limiter(60, clock=lambda: now[0])
    assert [limiter.take(1).wait_s for _ in range(60)] == [0.0] * 60
    assert limiter.take(1).wait_s == pytest.approx(1.0)
    now[0] = 2.0
    assert [limiter.take(1).wait_s > 0 for _ in range(3)] == [False, False, True]
    assert [Limiter(0).take(1).wait_s for _ in range(1000)] == [0.0] * 1000


def test_a_body_that_is_too_large_is_not_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, database)
    monkeypatch.setattr(tokens, "LARGEST_BODY", 1000)
    answer = client(issued(database)[1]).put("/v1/products/A", json={"name": "x" * 2000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_log_in_opens_nothing_of_the_api_and_a_token_nothing_of_the_console(desk: Desk) -> None:
    with visitor(desk, "quan") as admin:
        assert admin.get("/api/%2e%2e/customers").status_code == 401
        assert admin.post("/api/%2e%2e/customers", json={"name": "X"}).status_code == 401
        for path in ("/api/", "/api/v2/x", "/api/%2e%2e/customers"):
            assert admin.get(path).status_code == 401, path
    _, secret = issued(desk.database)
    headers = {"authorization": f"Bearer {secret}", "accept": "text/html"}
    assert httpx.get(f"{desk.url}/api/v1/products", headers=headers).status_code == 200
    assert httpx.get(f"{desk.url}/customers", headers=headers).status_code == 303
