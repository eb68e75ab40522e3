"""`python -m operations.training_job`: works off one training that somebody asked for in the console.

The scheduler starts it. What `trian train` and its sisters print is kept with the job, line by line; this process'
sign of life is in the job too, so that a killed one is noticed.
"""

import subprocess
import sys
from collections.abc import Iterator
from queue import Empty, Queue
from threading import Thread

import structlog

from crm import training_jobs
from crm.db import Database, database
from crm.logs import configure
from crm.models.training import TrainingKind
from crm.settings import settings
from operations.learning import shelf
from operations.processes import NLU_PYTHON, ROOT

BEAT_S = 5.0
log = structlog.get_logger()


def main() -> None:
    """Claims the waiting job and ends when it ended; does nothing without one."""
    configure(settings().log_level)
    store = database(settings().database_url)
    with store.begin() as session:
        job = training_jobs.claim(session)
        asked = (job.id, _command(job.kind, job.model, job.accept_worse)) if job is not None else None
    if asked is None:
        return
    number, command = asked
    if not NLU_PYTHON.exists():
        _end(store, number, False, "Rasa's environment is not on this machine: run the scheduler where it is.\n")
        return
    work = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for lines in _lines(work):
            with store.begin() as session:
                if not training_jobs.say(session, number, lines):
                    return  # given up: somebody else may be at it
        _end(store, number, work.wait() == 0)
    finally:
        work.kill()


def _command(kind: TrainingKind, model: str | None, accept_worse: bool) -> list[str]:
    ways = {
        TrainingKind.TRAIN: ["train", "--hold"],
        TrainingKind.PROMOTE: ["promote", *(["--accept-worse"] if accept_worse else [])],
        TrainingKind.ROLL_BACK: ["rollback", *([model] if model else [])],
    }
    return [sys.executable, "-u", "-m", "operations", *ways[kind]]


def _lines(work: subprocess.Popen[str]) -> Iterator[str]:
    """What `work` prints, as it comes; nothing ("") every BEAT_S while it is silent."""
    printed: Queue[str | None] = Queue()
    Thread(target=_read, args=(work, printed), daemon=True).start()
    while True:
        try:
            line = printed.get(timeout=BEAT_S)
        except Empty:
            line = ""
        if line is None:
            return
        yield line


def _read(work: subprocess.Popen[str], printed: "Queue[str | None]") -> None:
    assert work.stdout is not None
    for line in work.stdout:
        printed.put(line)
    printed.put(None)


def _end(store: Database, number: int, done: bool, last: str = "") -> None:
    """Notes how it ended, with the models as they are now."""
    now = shelf(settings()) if NLU_PYTHON.exists() else {}
    with store.begin() as session:
        if last:
            training_jobs.say(session, number, last)
        training_jobs.end(session, number, done=done, shelf=now)
    log.info("training ended", job=number, done=done)


if __name__ == "__main__":
    main()
