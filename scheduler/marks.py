"""When each job last got on, and what troubles it: from this health tells one that hangs, or fails each time."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from sqlalchemy.orm import Session

from crm import clock, health

_job: ContextVar[str] = ContextVar("job")


class Marks:
    """Jobs report here; `write` writes it down for the one scheduler that leads."""

    def __init__(self) -> None:
        self._marks: dict[str, tuple[datetime, str]] = {}

    @contextmanager
    def at(self, job: str) -> Iterator[None]:
        """Everything within is the work of `job`, which has got on when it ends without an error."""
        self._marks.setdefault(job, (clock.now(), ""))
        token = _job.set(job)
        try:
            yield
            self._marks[job] = (clock.now(), "")
        except Exception as error:
            self._marks[job] = (self._marks[job][0], type(error).__name__)
            raise
        finally:
            _job.reset(token)

    def step(self) -> None:
        """The job at work here has got on by a step. Of one whose last run failed only a whole run says that."""
        if (job := _job.get(None)) is not None and not self._marks[job][1]:
            self._marks[job] = (clock.now(), "")

    def write(self, session: Session) -> None:
        """Puts the marks of this scheduler in the place of whoever led before."""
        health.forget(session, health.JOB)
        for job, (at, trouble) in sorted(dict(self._marks).items()):
            health.beat(session, f"{health.JOB}:{job}", trouble, at)
