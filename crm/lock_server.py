"""The Redis in which several Rasas keep their locks: without it none of them can take a turn."""

import socket
from urllib.parse import urlsplit

PATIENCE_S = 1.0
PORT = 6379


def problem(url: str) -> str | None:
    """Why the server at `url` (redis://:password@host:port/1) cannot be used, None when it can or none is set.

    Takes PATIENCE_S seconds at the most. The password is not tried: Rasa does, and says so in its log.
    """
    if not url:
        return None
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or PORT), PATIENCE_S) as line:
            if parts.scheme == "rediss":
                return None
            line.settimeout(PATIENCE_S)
            line.sendall(b"PING\r\n")
            return _judge(line.recv(64))
    except (OSError, ValueError) as error:
        return type(error).__name__


def _judge(answer: bytes) -> str | None:
    """It lives when it answers the ping, or asks for the password first."""
    if answer.startswith((b"+PONG", b"-NOAUTH")):
        return None
    return answer.decode(errors="replace").strip() or "it closed the connection"
