"""Serve the model in use: `python -m nlu.serve --port 5005`, at the root, as `rasa run` with our settings."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlu.catalogue_file import VARIABLE as CATALOGUE
from nlu.fingerprint import read_records
from nlu.quiet import quieten

if TYPE_CHECKING:
    from rasa.core.utils import AvailableEndpoints
    from sanic import Sanic

logger = logging.getLogger("nlu.serve")

_DEFAULTS = {
    "TRIAN_ACTIONS_URL": "http://127.0.0.1:5055/webhook",
    "TRIAN_TRACKER_URL": "sqlite:///var/tracker.db",
    "TRIAN_LOCK_URL": "",
}


def serve(root: Path, models: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Exits with a sentence if there is no sound model or no secret."""
    if not read_records(models):
        sys.exit(f"nlu: no model in {models}: run python -m nlu.train first")
    if not os.environ.get("TRIAN_SHARED_SECRET", "").strip():
        sys.exit("nlu: TRIAN_SHARED_SECRET is not set: the bot and Rasa need the same one")
    for name, value in _DEFAULTS.items():
        if not os.environ.get(name):
            os.environ[name] = value
    logger.info("loading Rasa")
    import rasa.core.run  # slow: TensorFlow comes with it

    from nlu.switching import Follower, choose

    current, refused = choose(models)
    if current is None:
        sys.exit(f"nlu: no model in {models} can be served ({refused}): run python -m nlu.train")
    logger.info("loading %s", current.model)
    follower = Follower(models, current, refused)

    async def follow(app: Sanic[Any, Any], _loop: asyncio.AbstractEventLoop) -> None:
        app.ctx.follower = follower
        app.add_task(follower.follow(app), name="follow the model in use")

    rasa.core.run.serve_application(
        str(models / current.model),
        interface=host,
        port=port,
        credentials=str(root / "credentials.yml"),
        endpoints=_endpoints(root / "endpoints.yml"),
        enable_api=False,
        server_listeners=[(follow, "after_server_start")],
    )


def _endpoints(path: Path) -> AvailableEndpoints:
    from rasa.core.utils import AvailableEndpoints

    import nlu.lock_store
    import nlu.tracker_store  # noqa: F401  Rasa would replace a store it cannot import by memory, in silence
    from nlu.action_servers import ActionServers

    # Several servers are several processes with their locks in Redis. Sanic's own workers would not know of each other.
    os.environ.pop("SANIC_WORKERS", None)
    endpoints = AvailableEndpoints.read_endpoints(str(path))
    endpoints.action = ActionServers(os.environ["TRIAN_ACTIONS_URL"])
    return endpoints


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--models", type=Path, help="default: models/ at the root")
    parser.add_argument("--catalogue", type=Path, help="the products' names; default: var/catalogue.json")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5005)
    arguments = parser.parse_args()
    quieten(logging.INFO)
    if arguments.catalogue:
        os.environ[CATALOGUE] = str(arguments.catalogue)
    serve(arguments.root, arguments.models or arguments.root / "models", arguments.host, arguments.port)


if __name__ == "__main__":
    main()
