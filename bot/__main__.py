"""`python -m bot`: the channel process."""

import asyncio
import contextlib
import signal
import sys

from bot.app import BotProcess
from crm import logs
from crm.db import database
from crm.errors import SettingsProblem
from crm.settings import settings


async def _main() -> None:
    process = asyncio.create_task(BotProcess(settings(), database(settings().database_url)).run())
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, process.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await process


def main() -> None:
    """Runs until SIGTERM; a setting that cannot work ends it with a sentence."""
    logs.configure(settings().log_level)
    try:
        asyncio.run(_main())
    except SettingsProblem as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
