"""Signs of life: each process writes one, and whoever asks learns how old it is."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock
from crm.models.messaging import Heartbeat

STALE_S = 30.0


@dataclass(frozen=True)
class Sign:
    """The last sign of life of `process`, `age_s` seconds ago, and what it said of itself."""

    process: str
    age_s: float
    status: str

    @property
    def alive(self) -> bool:
        return self.age_s < STALE_S


def beat(session: Session, process: str, status: str) -> None:
    """Writes that `process` lives."""
    session.merge(Heartbeat(process=process, at=clock.now(), status=status))


def signs(session: Session) -> list[Sign]:
    """The signs of life of every process that ever gave one."""
    moment = clock.now()
    rows = session.scalars(select(Heartbeat).order_by(Heartbeat.process))
    return [Sign(row.process, (moment - row.at).total_seconds(), row.status) for row in rows]
