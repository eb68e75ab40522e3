"""The scheduler process: waits for the database, then wakes the jobs until told to stop."""

import contextlib
from datetime import datetime, timedelta
from threading import Event

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
from apscheduler.jobstores.memory import MemoryJobStore  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]

from crm import schema
from crm.db import Database
from crm.settings import Settings
from scheduler.jobs import Jobs
from scheduler.leadership import Leadership

log = structlog.get_logger()
RENEWALS = 4  # of the lease within its time: it outlives three that fail
SHORT = timedelta(seconds=3)
BEAT = timedelta(seconds=5)
HALF_MINUTE = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)


class SchedulerProcess:
    """Everything the scheduler process owns. `stopping` ends it, from a signal handler or a test."""

    def __init__(self, settings: Settings, database: Database, stopping: Event) -> None:
        self._settings = settings
        self._database = database
        self._stopping = stopping
        self._leadership = Leadership(database)
        self._jobs = Jobs(database, self._leadership, stopping)

    def run(self) -> None:
        """Returns once `stopping` is set and the jobs under way have ended."""
        if not self._wait_for_database():
            return
        self._jobs.lead()
        clock = self._make_clock()
        clock.start()
        self._stopping.wait()
        clock.shutdown(wait=True)
        self._jobs.trainer.stop()
        with contextlib.suppress(Exception):
            self._leadership.give_up()
        self._database.dispose()
        log.info("stopped")

    def _make_clock(self) -> BackgroundScheduler:
        clock = BackgroundScheduler(
            timezone=self._settings.zone,
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(8)},
            # A late job still runs, once: rows decide what is due, so being late loses nothing.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for job, every in (
            (self._jobs.lead, timedelta(seconds=self._settings.lease_ttl_s / RENEWALS)),
            (self._jobs.marks, BEAT),
            (self._jobs.surveys, SHORT),
            (self._jobs.cases, MINUTE),
            (self._jobs.service, HALF_MINUTE),
            (self._jobs.campaigns, SHORT),
            (self._jobs.replies, SHORT),
            (self._jobs.greetings, MINUTE),
            (self._jobs.holds, SHORT),
            (self._jobs.purge, MINUTE),
            (self._jobs.personal_data, MINUTE),
            (self._jobs.webhooks, SHORT),
            (self._jobs.imports, SHORT),
            (self._jobs.catalogue, MINUTE),
            (self._jobs.trainings, SHORT),
            (self._jobs.sightings, MINUTE),
        ):
            trigger = IntervalTrigger(seconds=every.total_seconds(), timezone=self._settings.zone)
            clock.add_job(job, trigger, id=job.__name__, next_run_time=datetime.now(self._settings.zone))
        return clock

    def _wait_for_database(self) -> bool:
        said = False
        while not self._stopping.is_set():
            if self._database_ready():
                return True
            if not said:
                log.info("waiting for a migrated database; `trian migrate` makes one")
                said = True
            self._stopping.wait(1)
        return False

    def _database_ready(self) -> bool:
        try:
            return schema.is_current(self._database.engine)
        except Exception:
            return False
