"""Who gets in, what they may see, and what every answer carries; without a browser."""

import re

import httpx
import pytest

from console.access import PAGES
from crm import staff, staff_sessions
from crm.models.staff import Role, Staff
from tests.console.steps import PASSWORD, Desk, visitor

ROLES = {"lan": Role.AGENT, "minh": Role.MARKETING, "quan": Role.ADMIN}
FORM = {"username": "lan", "password": PASSWORD}


def _path(pattern: str) -> str:
    return re.sub(r"\{.*?\}", "999999", pattern)


@pytest.mark.parametrize("username", ROLES)
def test_each_role_reaches_its_pages_and_no_others(desk: Desk, username: str) -> None:
    with visitor(desk, username) as client:
        for pattern, roles in PAGES.items():
            status = client.get(_path(pattern)).status_code
            allowed = 404 if "{" in pattern else 200
            assert status == (allowed if ROLES[username] in roles else 403), pattern


def test_without_a_login_everything_leads_to_the_form(desk: Desk) -> None:
    with httpx.Client(base_url=desk.url, headers={"accept": "text/html"}) as client:
        for pattern in (*PAGES, "/attachments/x.png", "/nowhere"):
            answer = client.get(_path(pattern))
            assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login"), pattern
        assert client.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling").status_code in (303, 401)


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


def test_a_disabled_person_is_out_at_once(desk: Desk) -> None:
    with desk.database.begin() as session:
        number = staff.add(session, "thu", "Nhân viên Thử", Role.ADMIN, PASSWORD).id
    with visitor(desk, "thu") as client:
        assert client.get("/queue").status_code == 200
        with desk.database.begin() as session:
            session.get_one(Staff, number).active = False
        assert client.get("/queue").status_code == 303


def test_forms_and_sockets_of_other_sites_are_refused(desk: Desk) -> None:
    with visitor(desk, "lan") as client:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert client.post("/logout", headers=headers).status_code == 403
        assert client.post("/_nicegui_ws/socket.io/", headers={"origin": "https://evil.example"}).status_code == 403
        assert client.get("/queue").status_code == 200


def test_every_answer_carries_the_headers_and_the_cookie_is_closed_to_scripts(desk: Desk) -> None:
    with httpx.Client(base_url=desk.url) as client:
        answer = client.post("/login", data=FORM)
        assert "httponly; samesite=lax" in answer.headers["set-cookie"].lower()
        for path in ("/login", "/", "/health", "/static/console.css", "/nowhere"):
            headers = client.get(path, headers={"accept": "text/html"}).headers
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "http" not in headers["content-security-policy"], "no other origin is allowed anything"


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
        for path in ("7/b.html", "../console.db", "%2e%2e/console.db", "..%2fconsole.db", "7/../../console.db", "7"):
            assert agent.get(f"/attachments/{path}").status_code == 404, path


def test_health_tells_a_watchdog_and_nobody_about_people(desk: Desk) -> None:
    answer = httpx.get(f"{desk.url}/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "database": {"reachable": True, "current": True},
        "heartbeats_s": {},
        "problems": [],
    }


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
