"""Serve the model in use: `python -m nlu.serve --port 5005`, at the root, as `rasa run` with our settings."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from nlu.fingerprint import read_current
from nlu.quiet import quieten

logger = logging.getLogger("nlu.serve")

_DEFAULTS = {
    "TRIAN_ACTIONS_URL": "http://127.0.0.1:5055/webhook",
    "TRIAN_TRACKER_URL": "sqlite:///var/tracker.db",
}


def serve(root: Path, models: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Exits with a sentence if there is no model or no secret."""
    current = read_current(models)
    if current is None:
        sys.exit(f"nlu: no model in {models}: run python -m nlu.train first")
    if not os.environ.get("TRIAN_SHARED_SECRET", "").strip():
        sys.exit("nlu: TRIAN_SHARED_SECRET is not set: the bot and Rasa need the same one")
    for name, value in _DEFAULTS.items():
        if not os.environ.get(name):
            os.environ[name] = value
    logger.info("loading Rasa and %s", current.model)
    import rasa.core.run  # slow: TensorFlow comes with it
    from rasa.core.utils import AvailableEndpoints

    import nlu.tracker_store  # noqa: F401  Rasa would replace a store it cannot import by memory, in silence

    rasa.core.run.serve_application(
        str(models / current.model),
        interface=host,
        port=port,
        credentials=str(root / "credentials.yml"),
        endpoints=AvailableEndpoints.read_endpoints(str(root / "endpoints.yml")),
        enable_api=False,
    )


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--models", type=Path, help="default: models/ at the root")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5005)
    arguments = parser.parse_args()
    quieten(logging.INFO)
    serve(arguments.root, arguments.models or arguments.root / "models", arguments.host, arguments.port)


if __name__ == "__main__":
    main()
