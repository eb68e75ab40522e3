import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.orm import Session

from crm import health, lock_server
from crm.settings import settings


@contextmanager
def server(answer: bytes) -> Iterator[str]:
    """Something that answers the first who connects; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                assert line.recv(64) == b"PING\r\n"
                line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"redis://:secret@127.0.0.1:{listener.getsockname()[1]}/1"
        thread.join(10)


@pytest.mark.parametrize("answer", [b"+PONG\r\n", b"-NOAUTH Authentication required.\r\n"])
def test_one_that_answers_is_well(answer: bytes) -> None:
    with server(answer) as url:
        assert lock_server.problem(url) is None


def test_one_that_is_loading_or_no_redis_is_not() -> None:
    with server(b"-LOADING Redis is loading the dataset in memory\r\n") as url:
        assert "LOADING" in (lock_server.problem(url) or "")
    with server(b"") as url:
        assert lock_server.problem(url) == "it closed the connection"


def test_one_that_is_away_is_red_and_none_is_asked_for_where_none_is_set(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert health.problems(session, settings().bot_id) == []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"redis://:secret@127.0.0.1:{listener.getsockname()[1]}/1"
    monkeypatch.setattr(settings(), "lock_url", url)
    (found,) = health.problems(session, settings().bot_id)
    assert "Redis" in found.what
    assert "secret" not in found.what + found.do
    assert found.red
