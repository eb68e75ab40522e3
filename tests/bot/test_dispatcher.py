"""A dispatcher that is told to stop stops."""

import asyncio
from typing import cast

import pytest

from bot.dispatcher import LOOK_S, Dispatcher
from bot.turns import TurnTaker
from bot.vitals import Vitals
from bot.worker import Worker
from crm.db import Database
from crm.settings import settings


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
