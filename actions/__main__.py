"""`python -m actions --port 5055`: serves the actions to Rasa, on this machine only unless told otherwise."""

import argparse
import logging
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # opentelemetry's and sanic's own deprecations, at import
    from rasa_sdk.endpoint import create_app  # type: ignore[import-untyped]
    from rasa_sdk.executor import ActionExecutor  # type: ignore[import-untyped]

from crm import knowledge

logger = logging.getLogger("actions")


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="actions", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5055)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for noisy in ("rasa_sdk", "sanic", "httpx", "bm25s"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Rasa 3.6 and rasa-sdk 3.21 speak the same protocol (docs/adr): the sdk warns of the numbers at every start.
    warnings.filterwarnings("ignore", message=".*same version for both.*")
    executor = ActionExecutor()
    executor.register_package("actions")
    knowledge.prepare()  # now, so that no customer's turn waits for it
    app = create_app(executor, cors_origins=[])
    logger.info("%d actions on http://%s:%d", len(executor.actions), arguments.host, arguments.port)
    app.run(host=arguments.host, port=arguments.port, single_process=True, motd=False, access_log=False)


if __name__ == "__main__":
    main()
