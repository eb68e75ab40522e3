"""What stands in the logs, and what must not: no text of a customer, no token, no phone number."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
PHONES = ("0912 345 678", "+84912345678", "0912345678")
WORDS = "Máy giặt nhà tôi cháy rồi"
ROOMS = ("actions", "bot", "console", "crm", "operations", "scheduler")
# Names under which texts, secrets and people's data go by in our modules.
TELLING = {"text", "body", "payload", "said", "content", "phone", "token", "password", "answer", "description"}

SPEAKS = f"""
import logging, httpx, structlog
from crm import logs
logs.configure("DEBUG")
log, other = structlog.get_logger(), logging.getLogger("somebody")
try:
    said = {WORDS!r}
    httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(404))).get(
        "https://api.telegram.org/bot{TOKEN}/getMe").raise_for_status()
except httpx.HTTPError as error:
    log.exception("refused", error=error, deep={{"url": str(error.request.url)}})
    other.exception("also refused %s", error.request.url)
for phone in {PHONES!r}:
    log.warning("database", detail=f"Key (phone)=({{phone}}) exists", url="postgresql://trian:geheim@db/trian")
    other.warning("call %s", phone)
log.info("sent", outbox_id=12345678, chat=5, seconds=0.123456789, at="2026-11-22T10:00:00Z", age="1234567 rows")
"""


def _lines(form: str) -> list[str]:
    environment = {"TRIAN_LOG_FORMAT": form, "PATH": "/usr/bin"}
    said = subprocess.run([sys.executable, "-c", SPEAKS], cwd=ROOT, env=environment, capture_output=True, check=True)
    return said.stderr.decode().splitlines()


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_and_numbers_are_blotted_out_of_whatever_is_said(form: str) -> None:
    said = "\n".join(_lines(form))
    assert TOKEN.partition(":")[2] not in said
    assert "geheim" not in said
    for phone in PHONES:
        assert phone not in said
    assert "bot123456789:***/getMe" in said
    for kept in ("12345678", "0.123456789", "2026-11-22T10:00:00Z", "1234567 rows"):
        assert kept in said


def test_json_is_one_object_a_line_without_local_variables() -> None:
    lines = _lines("json")
    events = [json.loads(line) for line in lines]
    assert all({"timestamp", "level", "event"} <= event.keys() for event in events)
    assert len(events) == 2 + 2 * len(PHONES) + 1
    assert events[0]["exception"][0]["exc_type"] == "HTTPStatusError"
    assert WORDS not in "\n".join(lines)
    assert events[-1]["seconds"] == 0.123456789


def _calls(path: Path) -> list[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    names = {"debug", "info", "warning", "error", "exception", "critical"}
    return [
        call
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in names
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in ("log", "logger")
    ]


def test_no_module_gives_a_log_what_people_wrote() -> None:
    found = 0
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for call in _calls(path):
                found += 1
                given = [*call.args, *(keyword.value for keyword in call.keywords)]
                names = {keyword.arg for keyword in call.keywords}
                for part in (node for each in given for node in ast.walk(each)):
                    names |= {part.attr} if isinstance(part, ast.Attribute) else set()
                    names |= {part.id} if isinstance(part, ast.Name) else set()
                assert not names & TELLING, f"{path.relative_to(ROOT)}:{call.lineno}"
    assert found > 30


def test_a_full_disk_swallows_lines_and_ends_nothing() -> None:
    works_on = SPEAKS + '\nlog.info("x" * 100_000)\nprint("works on")'
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", works_on]
        said = subprocess.run(command, cwd=ROOT, env={"PATH": "/usr/bin"}, stdout=subprocess.PIPE, stderr=full)
    assert said.stdout.splitlines()[-1:] == [b"works on"]
