"""Who may read the figures, and that they are Prometheus's; without a browser."""

import hashlib
import hmac
from datetime import timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from console.metrics import Exposition
from crm import clock, inbound
from crm.db import Database
from crm.inbound import Arrival
from crm.models.messaging import Inbound
from crm.settings import settings
from tests.console.steps import Desk

TOKEN = hmac.new(b"a-secret-for-this-test-run", b"metrics", hashlib.sha256).hexdigest()


def test_this_machine_and_the_token_are_let_in_and_a_proxy_is_not(desk: Desk) -> None:
    url = f"{desk.url}/metrics"
    assert httpx.get(url).status_code == 200
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert httpx.get(url, headers={header: "203.0.113.9"}).status_code == 403, header
    for token, status in ((TOKEN, 200), ("wrong", 403)):
        headers = {"X-Forwarded-For": "203.0.113.9", "Authorization": f"Bearer {token}"}
        assert httpx.get(url, headers=headers).status_code == status, token
    assert httpx.get(url, headers={"Authorization": "Bearer wrong"}).status_code == 403


def test_the_answer_is_prometheus_text_and_names_nobody(desk: Desk) -> None:
    answer = httpx.get(f"{desk.url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["trian_consent_withdrawals"].type == "counter"
    assert families["trian_turn_seconds"].type == "histogram"
    assert families["trian_outbox_oldest_seconds"].type == "gauge"
    assert "Nhân viên" not in answer.text


def _handle(database: Database, first: int, count: int, seconds: float) -> None:
    with database.begin() as session:
        inbound.store(session, settings().bot_id, [Arrival(n, n, {}) for n in range(first, first + count)])
        for row in session.query(Inbound).filter(Inbound.update_id >= first):
            inbound.finish(session, row.id)
            row.received_at = clock.now() - timedelta(seconds=seconds)


def _count(text: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(text.decode())
    turns = next(family for family in families if family.name == "trian_turn_seconds")
    wanted = {"trian_turn_seconds_count": "", "trian_turn_seconds_sum": "", "trian_turn_seconds_bucket": "1.0"}
    return {s.name: s.value for s in turns.samples if wanted.get(s.name) == s.labels.get("le", "")}


def test_each_turn_is_counted_once_however_often_it_is_asked(database: Database) -> None:
    _handle(database, 1, 3, seconds=0.2)  # before the process started
    exposition = Exposition(database)
    assert _count(exposition.text())["trian_turn_seconds_count"] == 0
    _handle(database, 10, 3, seconds=0.2)
    _handle(database, 20, 2, seconds=4.0)
    for _ in range(3):
        counted = _count(exposition.text())
        assert counted["trian_turn_seconds_count"] == 5
        assert counted["trian_turn_seconds_bucket"] == 3
        assert counted["trian_turn_seconds_sum"] == pytest.approx(8.6, abs=0.5)
