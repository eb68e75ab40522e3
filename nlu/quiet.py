"""Environment and logging of a Rasa process: no telemetry, no training cache, no customer's words in the log."""

from __future__ import annotations

import logging
import os

import structlog

_ENVIRONMENT = {
    "RASA_TELEMETRY_ENABLED": "false",
    "RASA_MAX_CACHE_SIZE": "0",  # a cached component would make training depend on what ran before
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "CUDA_VISIBLE_DEVICES": "",
}
_CHATTY = ("py.warnings", "matplotlib", "tensorflow", "apscheduler", "sanic.access", "asyncio", "h5py", "numexpr")


def quieten(level: int = logging.WARNING) -> None:
    """Call before Rasa is imported. `level` is for Rasa's own loggers; DEBUG would write messages' texts."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.captureWarnings(True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    logging.getLogger("rasa").setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
