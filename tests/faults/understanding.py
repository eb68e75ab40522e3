"""A stand-in for Rasa that answers at once, or as badly as a case asks. The real Rasa is `world.start("rasa")`."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SOUND, HANG, ERROR, HTML, HUGE, EMPTY, CLOSED = "sound", "hang", "500", "html", "3 MB", "empty", "closed"
HANG_S = 40.0


class Understanding:
    """Serves POST /webhooks/trian/turn on 127.0.0.1 with `manner`.

    `manners` gives single texts a manner of their own. `asked` counts how often each turn was answered. While `gate`
    is cleared, and for `pause_s`, no answer is given.
    """

    def __init__(self) -> None:
        self.manner = SOUND
        self.pause_s = 0.0
        self.hang_s = HANG_S
        self.gate = threading.Event()
        self.gate.set()
        self.manners: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.heard: dict[str, dict[str, Any]] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, turn: dict[str, Any]) -> dict[str, Any]:
        """What a sound Rasa would say: an answer that names the turn and repeats what was said."""
        self.asked[turn["turn_id"]] += 1
        self.heard[turn["turn_id"]] = turn
        said = str(turn.get("text") or turn.get("payload") or "")
        text = f"Dạ, shop nghe rồi ạ: {said[:200]} [{turn['turn_id']}]"
        return {
            "messages": [{"text": text, "buttons": [{"title": "Hỏi tiếp", "payload": "/ask_bot"}]}],
            "replayed": False,
            "intent": {"name": "greet", "confidence": 0.99},
            "ranking": [{"name": "greet", "confidence": 0.99}],
            "answers_form": False,
            "model": "stub",
            "failed_actions": [],
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    owner: Understanding

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The bot is killed in the middle of its questions: that is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        turn = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        owner = self.server.owner
        manner = owner.manners.get(str(turn.get("text")), owner.manner)
        if manner == CLOSED:
            self.close_connection = True
            return
        if manner == HANG:
            time.sleep(owner.hang_s)
        owner.gate.wait()
        time.sleep(owner.pause_s)
        answers = {
            ERROR: (500, "application/json", b'{"error": "internal"}'),
            HTML: (200, "text/html", b"<html><body>nginx</body></html>"),
            HUGE: (200, "application/json", b'{"messages": [{"text": "' + b"a" * 3_000_000 + b'"}]}'),
            EMPTY: (200, "application/json", b"[]"),
        }
        sound = json.dumps(owner.answer(turn), ensure_ascii=False).encode()
        self._send(*answers.get(manner, (200, "application/json", sound)))

    def do_GET(self) -> None:
        self._send(200, "application/json", b'{"status": "ok", "model": "stub", "fingerprint": "stub"}')

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""
