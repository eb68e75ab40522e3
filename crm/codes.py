"""Codes that people read aloud: `KN-2026-000123`."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.models.messaging import Counter


def next_code(session: Session, series: str, year: int) -> str:
    """The next code of `series` in `year`. Two transactions never get the same one; a rolled-back one leaves no gap."""
    name = f"{series}-{year}"
    locked = select(Counter).where(Counter.name == name).with_for_update()
    counter = session.scalar(locked)
    if counter is None:
        try:
            with session.begin_nested():
                session.add(Counter(name=name, value=0))
        except IntegrityError:
            pass  # another transaction made the row first; the locked read below waits for it
        counter = session.scalars(locked).one()
    counter.value += 1
    return f"{name}-{counter.value:06d}"
