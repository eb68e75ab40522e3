"""`python -m actions --port 5055`: serves the actions to Rasa, on this machine only unless told otherwise."""

import argparse
import logging
import warnings

import structlog

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # opentelemetry's and sanic's own deprecations, at import
    from rasa_sdk.endpoint import create_app  # type: ignore[import-untyped]
    from rasa_sdk.executor import ActionExecutor  # type: ignore[import-untyped]

from crm import knowledge, logs
from crm.db import database
from crm.heartbeat import Heartbeat, instance
from crm.settings import settings

log = structlog.get_logger()


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="actions", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5055)
    arguments = parser.parse_args()
    logs.configure(settings().log_level)
    for noisy in ("rasa_sdk", "sanic", "httpx", "bm25s"):  # rasa_sdk writes out what it was sent, texts included
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Rasa 3.6 and rasa-sdk 3.21 speak the same protocol (docs/adr): the sdk warns of the numbers at every start.
    warnings.filterwarnings("ignore", message="Your versions of rasa")
    logging.captureWarnings(True)
    executor = ActionExecutor()
    executor.register_package("actions")
    knowledge.prepare()  # now, so that no customer's turn waits for it
    app = create_app(executor, cors_origins=[])
    heartbeat = Heartbeat(database(settings().database_url), "actions", instance(arguments.port))
    heartbeat.start()
    log.info("actions served", actions=len(executor.actions), host=arguments.host, port=arguments.port)
    try:
        app.run(host=arguments.host, port=arguments.port, single_process=True, motd=False, access_log=False)
    finally:
        heartbeat.stop()


if __name__ == "__main__":
    main()
