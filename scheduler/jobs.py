"""What is done when the scheduler wakes. Each step is a transaction of its own, under the leader's fence."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from threading import Event
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm import (
    campaigns,
    case_steps,
    catalogue_export,
    clock,
    complaints,
    greetings,
    greetings_missed,
    holds,
    personal_data_watch,
    promise_watch,
    purge,
    scheduled_replies,
    service_watch,
    sightings,
    surveys,
    training_jobs,
    webhook_delivery,
)
from crm.db import Database
from crm.errors import LeaseLost
from crm.settings import settings
from scheduler import imports, webhooks
from scheduler.leadership import Leadership
from scheduler.marks import Marks
from scheduler.trainings import Trainer

log = structlog.get_logger()
_ME = f"scheduler-{os.getpid()}"
PAUSE_S = 0.02  # between two steps, so that other writers get their turn: SQLite's do not queue

T = TypeVar("T")
Step = Callable[[Session, datetime], int]
Question = Callable[[Session, datetime], T]


class Jobs:
    """The jobs by name. None of them raises: what fails is logged and tried again at the next waking."""

    def __init__(self, database: Database, leadership: Leadership, stopping: Event) -> None:
        self._database = database
        self._leadership = leadership
        self._stopping = stopping
        self._marks = Marks()
        self.trainer = Trainer()

    def lead(self) -> None:
        """Renews the lease and gives the sign of life."""
        self._guard("lead", self._leadership.renew)

    def marks(self) -> None:
        """Writes down when each job last got on."""
        self._guard("marks", self._write_marks)

    def _write_marks(self) -> None:
        if self._leadership.leading:
            with self._leadership.transaction() as session:
                self._marks.write(session)

    def catalogue(self) -> None:
        """Keeps the file of the products' names as the catalogue is, on this machine: leader or not."""
        self._guard("catalogue", lambda: self._ask(lambda session, _now: self._write_catalogue(session)))

    def _write_catalogue(self, session: Session) -> None:
        if catalogue_export.write(session, settings().catalogue_file):
            log.info("the file of the products' names was written")

    def surveys(self) -> None:
        """Asks how satisfied people are once their complaint's survey is due."""
        self._guard("surveys", lambda: self._drain("surveys", surveys.ask_due))

    def cases(self) -> None:
        """Closes complaints that were answered long enough ago, and tells of partners whose answer is overdue."""
        self._guard("cases", lambda: self._drain("cases closed", complaints.close_settled))
        self._guard("partners", lambda: self._drain("partners late", case_steps.warn_overdue))

    def service(self) -> None:
        """Warns of service levels that run out and of promises that would be broken."""
        self._guard("service", self._service)

    def _service(self) -> None:
        self._drain("service notices", service_watch.notice_due)
        self._drain("promises", promise_watch.look_after)

    def personal_data(self) -> None:
        """Keeps the last days of people's requests about their data, and finishes what an erasure left."""
        self._guard("personal data", self._personal_data)

    def _personal_data(self) -> None:
        if self._leadership.leading:
            counts = personal_data_watch.run(self._database, self._transaction, clock.now())
            if counts:
                log.info("done", job="personal data", **counts)

    def campaigns(self) -> None:
        """Starts, queues and finishes broadcasts."""
        self._guard("campaigns", self._campaigns)

    def replies(self) -> None:
        """Sends the replies that staff wrote for now, and cancels those that were overtaken."""
        settle, is_any_due = scheduled_replies.settle, scheduled_replies.is_any_due
        self._guard("replies", lambda: self._drain("scheduled replies", settle, only_if=is_any_due))

    def greetings(self) -> None:
        """Queues today's greetings, and records those of the last days that nobody queued."""
        self._guard("greetings", self._greetings)

    def sightings(self) -> None:
        """Sorts into the review queue what was not understood since."""
        self._guard("sightings", lambda: self._drain("sightings", lambda session, _: sightings.collect(session, _ME)))

    def trainings(self) -> None:
        """Has the trainings that people ask for worked off, and gives up those that went silent."""
        self._guard("trainings", self._trainings)

    def _trainings(self) -> None:
        self._drain("trainings given up", training_jobs.give_up_silent, only_if=training_jobs.any_silent)
        if self._leadership.leading and self._ask(training_jobs.is_asked):
            self.trainer.start()

    def holds(self) -> None:
        """Gives conversations that their holders do not answer back to the queue."""
        self._guard("holds", lambda: self._drain("holds", holds.expire, only_if=holds.any_expired))

    def webhooks(self) -> None:
        """Tells other systems what happened."""
        self._guard("webhooks", self._webhooks)

    def _webhooks(self) -> None:
        if self._leadership.leading and self._ask(webhook_delivery.any_due):
            doors = (self._transaction, self._database.begin)
            log.info("done", job="webhooks", count=webhooks.deliver(*doors, self._stopping.is_set))

    def imports(self) -> None:
        """Checks and imports files of customers and purchases."""
        self._guard("imports", self._imports)

    def _imports(self) -> None:
        if self._leadership.leading:
            imports.work(self._database.read, self._transaction, self._pause)

    def purge(self) -> None:
        """Forgets, once a night, what is older than the settings say."""
        self._guard("purge", self._purge)

    def _purge(self) -> None:
        if self._leadership.leading and self._ask(purge.is_due):
            counts = purge.run(purge.Doors(self._database.read, self._transaction, self._pause), clock.now())
            log.info("done", job="purge", **counts)

    def _pause(self) -> bool:
        return self._stopping.wait(PAUSE_S)

    def _greetings(self) -> None:
        for day in self._ask(greetings_missed.days):
            if not self._greet(partial(greetings_missed.due, day=day), partial(greetings_missed.record, day=day)):
                return
            with self._transaction() as session:
                greetings_missed.close(session, clock.now(), day)
        self._greet(greetings.due, greetings.queue_due)

    def _greet(self, find: Question[list[int]], write: Callable[..., int]) -> bool:
        """Has `write` deal with everybody whom `find` finds; False when it was stopped before that."""
        # Looking for people reads through all of them, writing must be short: so look once, write in small steps.
        while self._leadership.leading and (people := self._ask(find)):
            chunks = [people[start : start + greetings.BATCH] for start in range(0, len(people), greetings.BATCH)]
            for chunk in chunks:
                self._drain("greetings", partial(write, among=chunk))
            if self._stopping.is_set():
                return False
        return self._leadership.leading

    def _campaigns(self) -> None:
        self._drain("campaigns", campaigns.start_due, only_if=campaigns.any_due)
        self._drain("campaigns finished", campaigns.finish_done, only_if=campaigns.any_due)

    def _drain(self, name: str, step: Step, only_if: Question[bool] | None = None) -> None:
        """Repeats `step` until it finds nothing more to do, another leads, or the process is to stop."""
        if not self._leadership.leading or (only_if is not None and not self._ask(only_if)):
            return
        total = 0
        while not self._stopping.is_set():
            with self._transaction() as session:
                done = step(session, clock.now())
            if not done:
                break
            total += done
            self._stopping.wait(PAUSE_S)
        if total:
            log.info("done", job=name, count=total)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        """One of the leader's, in which the job at work gets on by a step. Raises LeaseLost."""
        with self._leadership.transaction() as session:
            yield session
        self._marks.step()

    def _ask(self, question: Question[T]) -> T:
        with self._database.read() as session:
            return question(session, clock.now())

    def _guard(self, name: str, job: Callable[[], None]) -> None:
        try:
            with self._marks.at(name):
                job()
        except LeaseLost:
            log.warning("another scheduler took over", job=name)
            self._leadership.lost()
        except DBAPIError as error:
            log.warning("the database refused", job=name, error=type(error.orig).__name__, detail=str(error.orig)[:200])
        except Exception:
            log.exception("job failed", job=name)
