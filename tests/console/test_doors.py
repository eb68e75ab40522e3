"""Who gets in, what they may see, and what every answer carries; without a browser."""

import json
import re
import subprocess
import sys

import httpx
import pytest
from sqlalchemy import update

from console import access
from console.access import FILES, PAGES
from console.api.app import routes as api_routes
from crm import clock, staff, staff_sessions
from crm.models.messaging import Outbox, OutboxState
from crm.models.staff import Role, Staff
from operations.processes import ROOT
from tests.console.steps import PASSWORD, Desk, visitor

ROLES = {"lan": Role.AGENT, "thao": Role.LEAD, "minh": Role.MARKETING, "quan": Role.ADMIN, "chu": Role.OWNER}
FORM = {"username": "lan", "password": PASSWORD}
# Rooms behind one door each: what lies below them is no page of ours.
API, STATIC = "/api/*", "/static/*"


def _path(pattern: str) -> str:
    return re.sub(r"\{.*?\}", "999999", pattern)


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, list[str]]]:
    """What the application itself answers to."""
    command = [sys.executable, "-m", "tests.console.routes"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout
    return [(path, methods) for path, methods in json.loads(found.splitlines()[-1])]


def test_every_role_has_somebody_to_try_with() -> None:
    assert set(ROLES.values()) == set(Role)


def test_no_route_is_there_that_nobody_entered(routes: list[tuple[str, list[str]]]) -> None:
    paths = {path for path, _ in routes}
    assert len(paths) > 30
    strange = {
        path
        for path in paths
        if path not in PAGES
        and path not in FILES
        and path not in (API, STATIC)
        and not access.is_public(path)
        and not path.startswith(access.MACHINERY)
    }
    assert strange == set()
    assert {*PAGES, *FILES} <= paths, "what is entered is there"


@pytest.mark.parametrize("username", ROLES)
def test_each_role_reaches_its_pages_and_files_and_no_others(desk: Desk, username: str) -> None:
    with visitor(desk, username) as client:
        for pattern, roles in {**PAGES, **FILES}.items():
            status = client.get(_path(pattern)).status_code
            if ROLES[username] not in roles:
                assert status == 403, pattern
            elif pattern in FILES:
                assert status < 500, pattern  # files also ask for a ticket, and old addresses lead on
            else:
                assert status in ((404, 303, 307) if "{" in pattern else (200, 303, 307)), pattern


def test_without_a_login_every_route_leads_to_the_form(desk: Desk, routes: list[tuple[str, list[str]]]) -> None:
    with httpx.Client(base_url=desk.url, headers={"accept": "text/html"}) as client:
        tried = 0
        for path, methods in routes:
            if access.is_public(path) or path in (API, STATIC) or "WEBSOCKET" in methods:
                continue
            for method in methods:
                answer = client.request(method, _path(path))
                assert answer.status_code in (303, 401), (method, path)
                assert answer.headers.get("location", "/login").startswith("/login"), (method, path)
                tried += 1
        assert tried > 30
        assert client.get("/nowhere").headers["location"].startswith("/login")
        assert client.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling").status_code in (303, 401)


def test_a_host_that_looks_like_a_path_opens_nothing(desk: Desk) -> None:
    with httpx.Client(base_url=desk.url, headers={"accept": "text/html"}) as client:
        for host in ("x/static/", "x/login?", "x/health#"):
            answer = client.get("/customers", headers={"host": host})
            assert answer.status_code in (303, 400, 401), host


@pytest.mark.parametrize("username", [None, *ROLES])
def test_no_cookie_opens_the_api(desk: Desk, username: str | None) -> None:
    if username is None:
        with httpx.Client(base_url=desk.url) as client:
            _api_is_shut(client)
    else:
        with visitor(desk, username) as client:
            _api_is_shut(client)


def _api_is_shut(client: httpx.Client) -> None:
    found = api_routes()
    assert len(found) > 10
    for method, path, _scope in found:
        assert client.request(method, f"/api{_path(path)}").status_code == 401, (method, path)
        made_up = {"authorization": "Bearer trian_made-up"}
        assert client.request(method, f"/api{_path(path)}", headers=made_up).status_code == 401, (method, path)


def test_a_wrong_password_is_refused_and_a_strange_target_ignored(desk: Desk) -> None:
    with httpx.Client(base_url=desk.url) as client:
        assert client.post("/login", data={"username": "lan", "password": "sai-mat-khau"}).status_code == 401
        assert client.get("/", headers={"accept": "text/html"}).status_code == 303
        for target in ("https://example.org/", "//example.org", "/\\example.org"):
            answer = client.post("/login", params={"next": target}, data=FORM)
            assert answer.headers["location"] == "/"


def test_a_login_gets_a_new_session_and_logging_out_kills_a_copied_cookie(desk: Desk) -> None:
    with httpx.Client(base_url=desk.url) as client:
        client.get("/login")
        client.post("/language", data={"to": "en", "back": "/login"})
        before = client.cookies["trian"]
        client.post("/login", data=FORM)
        copied = client.cookies["trian"]
        assert copied != before
        for cookie, status in ((before, 303), (copied, 200)):
            assert _home(desk, cookie) == status
        client.post("/logout")
    assert _home(desk, copied) == 303


def test_a_session_that_was_fixed_before_is_worth_nothing_after(desk: Desk) -> None:
    """An attacker plants the cookie of a log-in of their own; the victim logs in over it."""
    with visitor(desk, "minh") as attacker, httpx.Client(base_url=desk.url) as victim:
        planted = attacker.cookies["trian"]
        victim.cookies.set("trian", planted)
        victim.post("/login", data=FORM)
        page = httpx.get(f"{desk.url}/account", headers={"accept": "text/html", "cookie": f"trian={planted}"})
        assert "Nhân viên Minh" in page.text, "the planted one is still the attacker's own"
        assert "Nhân viên Lan" not in page.text


def test_a_disabled_person_is_out_at_once(desk: Desk) -> None:
    with desk.database.begin() as session:
        number = staff.add(session, "thu", "Nhân viên Thử", Role.ADMIN, PASSWORD).id
    with visitor(desk, "thu") as client:
        assert client.get("/account").status_code == 200
        with desk.database.begin() as session:
            session.get_one(Staff, number).active = False
        assert client.get("/account").status_code == 303


def test_forms_and_sockets_of_other_sites_are_refused(desk: Desk) -> None:
    with visitor(desk, "lan") as client:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert client.post("/logout", headers=headers).status_code == 403
        assert client.post("/_nicegui_ws/socket.io/", headers={"origin": "https://evil.example"}).status_code == 403
        assert client.get("/account").status_code == 200


def test_every_answer_carries_the_headers_and_the_cookie_is_closed_to_scripts(desk: Desk) -> None:
    with httpx.Client(base_url=desk.url) as client:
        answer = client.post("/login", data=FORM)
        cookies = answer.headers.get_list("set-cookie")
        assert cookies
        assert all("httponly" in each.lower() and "samesite=lax" in each.lower() for each in cookies)
        for path in ("/login", "/", "/health", "/static/console.css", "/nowhere", "/first", "/password"):
            headers = client.get(path, headers={"accept": "text/html"}).headers
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "http" not in headers["content-security-policy"], "no other origin is allowed anything"
            assert "strict-transport-security" not in headers


def test_behind_tls_the_cookies_are_secure_and_no_other_is_taken(desk: Desk) -> None:
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7", "accept": "text/html"}
    with httpx.Client(base_url=desk.url, headers=forwarded) as client:
        answer = client.post("/login", data=FORM, headers={"origin": desk.url})
        cookies = answer.headers.get_list("set-cookie")
        assert {each.partition("=")[0] for each in cookies} == {"__Host-trian", "__Host-trian-known"}
        assert all("secure" in each.lower() and "path=/" in each.lower() for each in cookies)
        assert not any("domain=" in each.lower() for each in cookies)
        assert "max-age" in answer.headers["strict-transport-security"]
        sealed = next(each for each in cookies if each.startswith("__Host-trian=")).split(";")[0]
    token = sealed.partition("=")[2]
    over_tls = {**forwarded, "cookie": sealed}
    assert httpx.get(f"{desk.url}/", headers=over_tls).status_code == 200
    assert httpx.get(f"{desk.url}/", headers={**forwarded, "cookie": f"trian={token}"}).status_code == 303
    with desk.database.read() as session:
        rows = staff_sessions.of(session, staff.find(session, "lan").id)
        assert "203.0.113.7" in {row.address for row in rows}


def test_photos_are_for_care_staff_and_nothing_else_is_served(desk: Desk) -> None:
    pictures = desk.var / "attachments" / "7"
    pictures.mkdir(parents=True)
    (pictures / "a.png").write_bytes(b"\x89PNG not really")
    (pictures / "b.html").write_text("<script>alert(1)</script>")
    with visitor(desk, "lan") as agent, visitor(desk, "minh") as marketing:
        good = agent.get("/attachments/7/a.png")
        assert (good.status_code, good.headers["content-type"]) == (200, "image/png")
        assert good.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert marketing.get("/attachments/7/a.png").status_code == 403
        for path in ("../console.db", "%2e%2e/console.db", "..%2fconsole.db", "7/../../console.db", "7"):
            assert agent.get(f"/attachments/{path}").status_code == 404, path
        page = agent.get("/attachments/7/b.html")
        assert page.status_code == 404 or "attachment" in page.headers["content-disposition"]


def test_health_tells_a_watchdog_and_nobody_about_people(desk: Desk) -> None:
    with desk.database.begin() as session:  # no bot sends here, and what other tests queued grows old
        session.execute(update(Outbox).values(state=OutboxState.SENT, sent_at=clock.now()))
    answer = httpx.get(f"{desk.url}/health")
    assert answer.status_code == 200
    told = answer.json()
    assert set(told.pop("heartbeats_s")) <= {"console"}
    assert told == {"status": "ok", "database": {"reachable": True, "current": True}, "problems": []}


def test_ended_sessions_are_gone_from_the_database(desk: Desk) -> None:
    with desk.database.begin() as session:
        person = staff.find(session, "hai")
        token = staff_sessions.start(session, person)
    with desk.database.begin() as session:
        assert staff_sessions.staff_of(session, token) is not None
        staff_sessions.end_all(session, person.id)
        assert staff_sessions.staff_of(session, token) is None


def _home(desk: Desk, cookie: str) -> int:
    return httpx.get(f"{desk.url}/", headers={"accept": "text/html", "cookie": f"trian={cookie}"}).status_code
