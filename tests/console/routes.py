"""`python -m tests.console.routes`: every route of the console as the application itself has it, one JSON list.

A process of its own, because an application is made once a process.
"""

import json
from collections.abc import Iterator
from typing import Any

from console import app


def walk(application: Any, below: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each path with its methods; of a mounted directory or application without routes its own path with a `*`."""
    for route in application.routes:
        path = below + str(getattr(route, "path", ""))
        inner = getattr(route, "app", None)
        if hasattr(route, "original_router"):  # as FastAPI keeps what was included
            yield from walk(route.original_router, below + route.include_context.prefix)
        elif getattr(route, "routes", None):
            yield from walk(route, path)
        elif inner is not None and getattr(route, "methods", None) is None:
            yield f"{path}/*", ["GET"]
        else:
            yield path, sorted(getattr(route, "methods", None) or ["WEBSOCKET"])


if __name__ == "__main__":
    print(json.dumps(sorted(walk(app.create()))))
