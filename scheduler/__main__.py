"""`python -m scheduler`: the process that minds the time."""

import signal
import sys
from threading import Event

from crm import logs
from crm.db import database
from crm.errors import SettingsProblem
from crm.settings import settings
from scheduler.app import SchedulerProcess


def main() -> None:
    """Runs until SIGTERM; a setting that cannot work ends it with a sentence."""
    logs.configure(settings().log_level)
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        _ = settings().bot_id  # greetings and campaigns are written to this bot's chats
        SchedulerProcess(settings(), database(settings().database_url), stopping).run()
    except SettingsProblem as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
