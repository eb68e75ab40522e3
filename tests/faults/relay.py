"""The way from Rasa to the action server, which a case can spoil: it answers errors, sleeps, or is not there."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

PASS, ERROR, SLEEP, CLOSED = "pass", "500", "sleep", "closed"
SLEEP_S = 70.0


class Relay:
    """Forwards POSTs to `target` with `manner`; its `url` is what Rasa is given as the action server's."""

    def __init__(self, target: str) -> None:
        self.manner = PASS
        self.target = target
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    owner: Relay

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has given up: no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        manner = self.server.owner.manner
        if manner == CLOSED:
            self.close_connection = True
            return
        if manner == ERROR:
            self._send(500, b"Internal Server Error")
            return
        if manner == SLEEP:
            time.sleep(SLEEP_S)
        answer = httpx.post(
            self.server.owner.target, content=body, headers={"Content-Type": "application/json"}, timeout=30
        )
        self._send(answer.status_code, answer.content)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""
