"""Webhooks on their way: signed, never redirected or held up, never sent into a private network."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from crm import webhook_sending, webhooks_out
from crm.errors import InvalidInput
from crm.settings import settings
from crm.webhook_delivery import Attempt


class _Receiver(BaseHTTPRequestHandler):
    got: list[tuple[dict[str, str], bytes]]
    answer = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.answer)
        if self.answer == 302:
            self.send_header("location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"x" * 100_000)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[_Receiver]]]:
    handler = type("Handler", (_Receiver,), {"got": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/hook?x=1", handler
    server.shutdown()
    server.server_close()


def _attempt(url: str) -> Attempt:
    return Attempt(1, 1, url, "whsec_" + "QUJD" * 8, "evt_1", '{"type":"test","data":{"chữ":1}}')


def test_what_is_sent_is_signed_as_the_receiver_can_prove(receiver: tuple[str, type[_Receiver]]) -> None:
    url, handler = receiver
    attempt = _attempt(url)
    outcome = webhook_sending.send(attempt, private=True)
    assert (outcome.status, outcome.good, len(outcome.answer)) == (200, True, 500)
    sent, body = handler.got[0]
    assert Webhook(attempt.secret).verify(body, sent)["type"] == "test"
    assert sent["host"].startswith("localhost:")
    assert sent["webhook-id"] == "evt_1"


def test_redirects_are_not_followed_and_count_as_failures(receiver: tuple[str, type[_Receiver]]) -> None:
    url, handler = receiver
    handler.answer = 302
    outcome = webhook_sending.send(_attempt(url), private=True)
    assert (outcome.status, outcome.good) == (302, False)
    assert len(handler.got) == 1


@pytest.mark.parametrize(("start", "status"), [(b"", None), (b"HTTP/1.1 200 OK\r\n\r\n", 200)])
def test_a_receiver_that_dribbles_holds_nobody_up(
    start: bytes, status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends a byte now and then, of its headers or of its body, and never ends."""
    monkeypatch.setattr(webhook_sending, "TIMEOUT_S", 1.0)
    heard, done = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def dribble() -> None:
        connection, _ = heard.accept()
        with connection, suppress(OSError):
            connection.sendall(start or b"HTTP/1.1 200 OK\r\nx-slow: ")
            while not done.wait(0.05):
                connection.sendall(b"x")

    thread = threading.Thread(target=dribble, daemon=True)
    thread.start()
    try:
        outcome = webhook_sending.send(_attempt(f"http://127.0.0.1:{heard.getsockname()[1]}/x"), private=True)
    finally:
        done.set()
        thread.join(10)
        heard.close()
    assert outcome.status == status
    assert outcome.answer.startswith("x" if status else "no answer within")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.5",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "fd00::1",
        "0.0.0.0",
        "100.64.0.1",
        "2002:7f00:1::",
        "224.0.0.1",
    ],
)
def test_a_name_that_leads_into_a_private_network_is_refused_at_each_try(
    address: str, receiver: tuple[str, type[_Receiver]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", (address, 443))]
    monkeypatch.setattr(webhook_sending.socket, "getaddrinfo", lambda *_, **__: found)
    outcome = webhook_sending.send(_attempt("https://hooks.example.com/x"), private=False)
    assert outcome.status is None
    assert "private network" in outcome.answer
    assert receiver[1].got == []


def test_a_host_that_does_not_answer_is_an_outcome_and_no_exception() -> None:
    outcome = webhook_sending.send(_attempt("http://127.0.0.1:9/x"), private=True)
    assert (outcome.status, bool(outcome.answer)) == (None, True)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://u:p@example.com/",
        "ftp://example.com",
        "https://",
        "https://erp.internal/x",
        "https://example.com:99999/",
        "x" * 600,
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_when_it_is_written(session: Session, url: str) -> None:
    with pytest.raises(InvalidInput):
        webhooks_out.add(session, None, "ERP", url, webhooks_out.SUBSCRIBABLE)


def test_a_setting_allows_private_addresses(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "webhook_private_addresses", True)
    assert webhooks_out.add(session, None, "ERP", "http://localhost:9000/x", webhooks_out.SUBSCRIBABLE).id
    with pytest.raises(InvalidInput):
        webhooks_out.add(session, None, "ERP", "https://example.com/", ())
