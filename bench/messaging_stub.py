"""An understanding that answers everything at once with the same words: `python -m bench.messaging_stub PORT`."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

ANSWER = json.dumps(
    {
        "messages": [{"text": "Dạ shop chào anh/chị ạ, anh/chị cần shop giúp gì ạ?"}],
        "replayed": False,
        "intent": {"name": "greet", "confidence": 0.99},
        "ranking": [{"name": "greet", "confidence": 0.99}],
        "answers_form": False,
        "model": "stub",
        "failed_actions": [],
    },
    ensure_ascii=False,
).encode()


async def answer(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """The ASGI application: reads the question to its end and gives the one answer."""
    while (await receive()).get("more_body"):
        pass
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": ANSWER})


def main() -> None:
    """Serves until SIGTERM."""
    uvicorn.run(answer, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
