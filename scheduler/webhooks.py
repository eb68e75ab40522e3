"""Webhooks that are due: claimed by the leader, sent side by side, each outcome written at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial

from sqlalchemy.orm import Session

from crm import clock, webhook_delivery, webhook_sending
from crm.settings import settings
from crm.webhook_delivery import Attempt

Door = Callable[[], AbstractContextManager[Session]]
SIDE_BY_SIDE = 8


def deliver(lead: Door, write: Door, stopping: Callable[[], bool]) -> int:
    """Sends until nothing is due; returns how many tries were made.

    Args:
        lead: a transaction of the leader's, for claiming. Raises LeaseLost.
        write: a plain one: an outcome counts even when another scheduler leads by now. A late one is refused by number.
    """
    tried = 0
    while not stopping():
        with lead() as session:
            webhook_delivery.purge(session, clock.now())
            attempts = webhook_delivery.claim(session, clock.now())
        if not attempts:
            break
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            list(pool.map(partial(_try, write), attempts))
        tried += len(attempts)
    return tried


def _try(write: Door, attempt: Attempt) -> None:
    outcome = webhook_sending.send(attempt, private=settings().webhook_private_addresses)
    with write() as session:
        webhook_delivery.settle(session, attempt, outcome)
