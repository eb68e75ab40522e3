"""Leases: of several processes that could do a job, one does it, and a late one cannot spoil it."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm import clock
from crm.errors import LeaseLost
from crm.models.base import UtcDateTime
from crm.models.messaging import Lease


def moment(session: Session) -> datetime:
    """What time the database says it is: machines whose clocks differ agree on it. SQLite's is this machine's."""
    if session.get_bind().dialect.name == "sqlite":
        return clock.now()
    return session.scalars(select(func.clock_timestamp(type_=UtcDateTime()))).one()


def acquire(session: Session, name: str, owner: str, ttl_s: float) -> int | None:
    """Takes or renews the lease `name` for `ttl_s` seconds, on the database's clock, which all owners share.

    Returns:
        The fence number to act under, or None while another owner's lease runs.
    """
    now = moment(session)
    expires = now + timedelta(seconds=ttl_s)
    lease = session.scalar(select(Lease).where(Lease.name == name).with_for_update())
    if lease is None:
        return _create(session, name, owner, Lease(name=name, owner=owner, fence=1, expires_at=expires))
    if lease.owner != owner:
        if lease.expires_at > now:
            return None
        lease.owner, lease.fence = owner, lease.fence + 1
    lease.expires_at = expires
    return lease.fence


def release(session: Session, name: str, owner: str) -> None:
    """Gives the lease up so that a waiting process need not wait for it to run out."""
    lease = session.scalar(select(Lease).where(Lease.name == name, Lease.owner == owner).with_for_update())
    if lease is not None:
        lease.expires_at = moment(session)


def check(session: Session, name: str, fence: int) -> None:
    """Raises LeaseLost unless `fence` is still the newest of the lease. Locks the row until the transaction ends."""
    lease = session.scalar(select(Lease).where(Lease.name == name).with_for_update())
    if lease is None or lease.fence != fence:
        raise LeaseLost(f"{name}: fence {fence} is no longer valid")


def _create(session: Session, name: str, owner: str, lease: Lease) -> int | None:
    try:
        with session.begin_nested():
            session.add(lease)
    except IntegrityError:
        return None
    return lease.fence
