"""What became of messages is written in groups: one commit for all that ended within some milliseconds."""

import asyncio
from collections.abc import Callable

import structlog

from crm import crash, dispatch, send_limits
from crm.db import Database
from crm.dispatch import Outcome, Report

log = structlog.get_logger()
GATHER_S = 0.01
MOST = 200
RETRY_S = 1.0


class Outcomes:
    """Collects reports and writes them, however long the database is away: what was sent must be known as sent."""

    def __init__(self, database: Database, bot_id: int, settled: Callable[[Report], None]) -> None:
        """Args: settled: called for each report once it is written, or known to be rejected."""
        self._database = database
        self._bot_id = bot_id
        self._settled = settled
        self._reports: list[Report] = []
        self._arrived = asyncio.Event()
        self._writing = asyncio.Lock()

    def add(self, report: Report) -> None:
        """To be written soon."""
        self._reports.append(report)
        self._arrived.set()

    async def run(self) -> None:
        """Writes until cancelled; a group that is being written then is still finished."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(GATHER_S)
            await asyncio.shield(self.flush())

    async def flush(self) -> None:
        """Returns when everything is written."""
        async with self._writing:
            while self._reports:
                await self._write_some()
            self._arrived.clear()

    async def _write_some(self) -> None:
        group = self._reports[:MOST]
        try:
            rejected = await asyncio.to_thread(self._write, group)
        except Exception:
            log.exception("outcomes not written; trying again", count=len(group))
            await asyncio.sleep(RETRY_S)
            return
        crash.point("delivery.settled")
        del self._reports[: len(group)]
        for report in group:
            _say(report, report in rejected)
            self._settled(report)

    def _write(self, group: list[Report]) -> list[Report]:
        with self._database.begin() as session:
            if wait_s := max(report.asked_s for report in group):
                send_limits.freeze(session, self._bot_id, wait_s)
            return dispatch.settle_all(session, group)


def _say(report: Report, rejected: bool) -> None:
    number = report.letter.outbox_id
    if rejected:
        log.warning("outcome rejected: the message was settled without us", outbox_id=number)
    elif report.outcome is not Outcome.SENT:
        log.info("message not sent", outbox_id=number, outcome=report.outcome.value, reason=report.reason)
