"""Tickets for files to take away: only an audited press of a button leads to the file, and only for two minutes."""

import hmac
from datetime import timedelta

from crm import clock
from crm.settings import settings

LIFE = timedelta(minutes=2)


def give(purpose: str, staff_id: int) -> str:
    """A ticket for this person and purpose (which names the very file)."""
    return _signed(purpose, staff_id, int((clock.now() + LIFE).timestamp()))


def is_good(ticket: str, purpose: str, staff_id: int) -> bool:
    """Whether it is one of ours, for this, and not too old."""
    until = ticket.partition(".")[0]
    if not (until.isascii() and until.isdigit()) or len(until) > 12 or int(until) < clock.now().timestamp():
        return False
    return hmac.compare_digest(ticket.encode(), _signed(purpose, staff_id, int(until)).encode())


def _signed(purpose: str, staff_id: int, until: int) -> str:
    secret = settings().derived_secret("tickets").encode()
    return f"{until}.{hmac.new(secret, f'{purpose}:{staff_id}:{until}'.encode(), 'sha256').hexdigest()}"
