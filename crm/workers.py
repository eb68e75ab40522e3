"""The processes that work on a bot's messages: each has a number of its own, alive while its lease is in the table.

A number is never given twice and never comes back to life, so what carries the number of a dead worker is free for the
others, and a write under it can be told from a living one's. Moments are the database's: several machines share them.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm import clock, health, leases
from crm.errors import LeaseLost
from crm.models.messaging import Lease


def enlist(session: Session, bot_id: int, owner: str, ttl_s: float) -> int | None:
    """A new number for `owner`, alive for `ttl_s` seconds; None while a restore or another enlistment is under way.

    Args:
        owner: differs for each enlistment, of the same process too.
    """
    fence = leases.acquire(session, f"workers:{bot_id}", owner, 0)
    if fence is None:
        return None
    health.forget_dead(session)  # whoever died has a successor now
    until = leases.moment(session) + timedelta(seconds=ttl_s)
    session.add(Lease(name=_name(bot_id, fence), owner=owner, fence=fence, expires_at=until))
    return fence


def renew(session: Session, bot_id: int, fence: int, owner: str, ttl_s: float) -> bool:
    """Keeps the worker alive for `ttl_s` seconds more; False when its time is over already."""
    moment = leases.moment(session)
    mine = select(Lease).where(Lease.name == _name(bot_id, fence), Lease.owner == owner, Lease.expires_at > moment)
    lease = session.scalar(mine.with_for_update())
    if lease is None:
        return False
    lease.expires_at = moment + timedelta(seconds=ttl_s)
    return True


def check(session: Session, bot_id: int, fence: int) -> None:
    """Raises LeaseLost unless the worker is alive, and keeps it so until the transaction ends."""
    mine = select(Lease.fence).where(Lease.name == _name(bot_id, fence))
    if session.scalar(mine.with_for_update(read=True, key_share=True)) is None:
        raise LeaseLost(f"worker {fence} of bot {bot_id} is no longer alive")


def living(session: Session, bot_id: int) -> set[int]:
    """The numbers of the workers that are alive."""
    return set(session.scalars(select(Lease.fence).where(Lease.name.startswith(_prefix(bot_id)))))


def is_served(session: Session, bot_id: int) -> bool:
    """Whether a worker's time still runs. Of a bot that is gone nobody buries the dead."""
    mine = select(Lease.fence).where(Lease.name.startswith(_prefix(bot_id)), Lease.expires_at > leases.moment(session))
    return session.scalar(mine.limit(1)) is not None


def bury(session: Session, bot_id: int) -> set[int]:
    """Ends the workers whose time is over; returns their numbers. One that renews right now lives or is ended.

    They are missed for a while, unless a worker was enlisted since their last sign of life.
    """
    over = (Lease.name.startswith(_prefix(bot_id)), Lease.expires_at <= leases.moment(session))
    dead = set(session.scalars(delete(Lease).where(*over).returning(Lease.fence)))
    for fence in dead:
        health.bury(session, f"bot:{fence}")
    health.forget_dead(session, _may_be_forgotten(session, bot_id))
    return dead


def _may_be_forgotten(session: Session, bot_id: int) -> datetime:
    """Of the dead, those whose last sign is older: because that is long ago, or somebody was enlisted since."""
    long_ago = clock.now() - timedelta(seconds=health.DEAD_S)
    enlisted = session.scalar(select(Lease.expires_at).where(Lease.name == f"workers:{bot_id}"))
    return max(long_ago, enlisted or long_ago)


def retire(session: Session, bot_id: int, fence: int) -> None:
    """Ends a worker that has nothing in hand any more, so that nobody waits for its time to run out."""
    session.execute(delete(Lease).where(Lease.name == _name(bot_id, fence)))
    health.forget(session, f"bot:{fence}")


def _prefix(bot_id: int) -> str:
    return f"worker:{bot_id}:"


def _name(bot_id: int, fence: int) -> str:
    return f"{_prefix(bot_id)}{fence}"
