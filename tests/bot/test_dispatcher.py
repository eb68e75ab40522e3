"""One task for an update in a process, also after the process was away for longer than its number lives."""

import asyncio
from typing import cast

import pytest

from bot.dispatcher import LOOK_S, Dispatcher
from bot.turns import TurnTaker
from bot.vitals import Vitals
from bot.worker import Worker
from crm import inbound, workers
from crm.db import Database
from crm.errors import LeaseLost
from crm.inbound import Arrival
from crm.models.messaging import Inbound
from crm.settings import settings


class _Slow:
    """A turn of the first number takes until it is let go, and finds then that the update is another's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()
        self.done = asyncio.Event()
        self.fences: list[int | None] = []
        self.at_once = self.most_at_once = 0

    async def handle(self, row: Inbound) -> None:
        self.fences.append(row.claimed_by)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.set()
        try:
            await self.let_go.wait()
            await asyncio.sleep(2 * LOOK_S)  # time enough for one more to be started wrongly
            with self._database.begin() as session:
                if not inbound.finish(session, row.id, row.claimed_by):
                    raise LeaseLost("another's")
            self.done.set()
        finally:
            self.at_once -= 1


async def test_an_update_is_worked_on_once_after_a_new_number(database: Database) -> None:
    bot_id = settings().bot_id
    with database.begin() as session:
        inbound.store(session, bot_id, [Arrival(1, 5, {"update_id": 1})])
    worker, slow = Worker(database, settings()), _Slow(database)
    await worker.enlist()
    first = worker.fence
    dispatcher = Dispatcher(settings(), database, worker, cast(TurnTaker, slow), Vitals(database, worker), lambda: None)
    jobs = [asyncio.create_task(job) for job in (dispatcher.run(), worker.keep())]
    async with asyncio.timeout(30):
        await slow.begun.wait()
        with database.begin() as session:
            workers.retire(session, bot_id, first)
        await worker.enlist()
        await asyncio.sleep(4 * LOOK_S)
        slow.let_go.set()
        await slow.done.wait()
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    await dispatcher.finish()
    assert slow.fences == [first, worker.fence]
    assert slow.most_at_once == 1


@pytest.mark.parametrize("ticks", range(6))
async def test_a_stop_is_heard_also_at_the_moment_something_comes(database: Database, ticks: int) -> None:
    worker = Worker(database, settings())
    dispatcher = Dispatcher(settings(), database, worker, cast(TurnTaker, None), Vitals(database, worker), lambda: None)
    running = asyncio.create_task(dispatcher.run())
    await asyncio.sleep(LOOK_S / 5)
    dispatcher.wake()
    for _ in range(ticks):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running], timeout=3 * LOOK_S)
    heard = running.done()
    running.cancel()
    assert heard
