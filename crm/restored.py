"""A database that comes back from a backup does not know what happened after it: nothing in it may go on by itself.

Whatever was on its way then may have arrived since, so it ends here, with the reason RESTORED, and a person decides.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from crm import audit, clock, greetings, health, leases, promise_watch, scheduled_replies
from crm.models.campaigns import Campaign, CampaignRecipient, CampaignState
from crm.models.care import Greeting, GreetingState, Survey
from crm.models.messaging import Heartbeat, Inbound, InboundState, Lease, Outbox, OutboxState
from crm.models.people import Customer
from crm.models.staff import StaffSession
from crm.models.talk import CancelReason
from crm.settings import settings

RESTORED = "restored"
RESTORER = "trian restore"
HOLD = timedelta(hours=1)
FENCE_LEAP = 1_000_000  # beyond every number that a process from before the restore can still hold
# A broadcast that was under way waits for a person.
HALTED = CampaignState.PAUSED


@dataclass(frozen=True)
class Settled:
    """How many of each did not go on: messages, updates, broadcasts, their remaining people, greetings, surveys."""

    messages: int
    updates: int
    broadcasts: int
    recipients: int
    greetings: int
    surveys: int


def at_work(session: Session) -> list[str]:
    """What runs on the database: leases that are held, processes that gave a sign of life."""
    held = select(Lease.name).where(Lease.expires_at > leases.moment(session), Lease.owner != RESTORER)
    return sorted({*session.scalars(held), *(sign.process for sign in health.signs(session) if sign.alive)})


def hold(session: Session) -> None:
    """Takes every lease, so that a process that is started meanwhile stands by."""
    moment = leases.moment(session)
    for name in {
        f"bot:{settings().bot_id}",
        f"workers:{settings().bot_id}",
        "scheduler",
        *session.scalars(select(Lease.name)),
    }:
        lease = session.get(Lease, name) or Lease(name=name, fence=0)
        lease.owner, lease.fence, lease.expires_at = RESTORER, lease.fence + 1, moment + HOLD
        session.add(lease)


def let_go(session: Session) -> None:
    """Gives the leases back after a restore that changed nothing."""
    session.execute(update(Lease).where(Lease.owner == RESTORER).values(expires_at=clock.now()))


def settle(session: Session, made_at: datetime) -> Settled:
    """Ends whatever the backup of `made_at` shows on its way, and everybody's log-in. Once, before anything starts."""
    moment = clock.now()
    session.execute(delete(Heartbeat))
    session.execute(delete(StaffSession))
    session.execute(update(Lease).values(owner=RESTORER, expires_at=moment, fence=Lease.fence + FENCE_LEAP))
    broadcasts, recipients = _halt_broadcasts(session)
    done = Settled(
        messages=_end_messages(session),
        updates=_end_updates(session, moment),
        broadcasts=broadcasts,
        recipients=recipients,
        greetings=_miss_greetings(session, moment),
        surveys=_end_surveys(session, moment),
    )
    scheduled_replies.cancel_all(session, CancelReason.RESTORED)
    promise_watch.tell_no_more(session, moment)
    audit.record(session, None, "restore", "backup", 0, made_at=made_at.isoformat(), **vars(done))
    session.flush()
    return done


def _end_messages(session: Session) -> int:
    def end(state: OutboxState, to: OutboxState) -> int:
        return _rows(session.execute(update(Outbox).where(Outbox.state == state).values(state=to, reason=RESTORED)))

    return end(OutboxState.QUEUED, OutboxState.EXPIRED) + end(OutboxState.SENDING, OutboxState.UNKNOWN)


def _end_updates(session: Session, moment: datetime) -> int:
    pending = update(Inbound).where(Inbound.state == InboundState.PENDING)
    return _rows(session.execute(pending.values(state=InboundState.DEAD, error=RESTORED, done_at=moment)))


# A paused one may have gone on after the backup, a planned one may have begun.
_UNDER_WAY = (CampaignState.RUNNING, CampaignState.PAUSED)
_PLANNED = (CampaignState.APPROVED, CampaignState.SCHEDULED)


def _halt_broadcasts(session: Session) -> tuple[int, int]:
    running = list(session.scalars(select(Campaign).where(Campaign.state.in_(_UNDER_WAY))))
    left = update(CampaignRecipient).where(
        CampaignRecipient.campaign_id.in_([each.id for each in running]),
        CampaignRecipient.outbox_id.is_(None),
        CampaignRecipient.reason.is_(None),
    )
    recipients = _rows(session.execute(left.values(reason=RESTORED)))
    for campaign in running:
        campaign.state = HALTED
    scheduled = list(session.scalars(select(Campaign).where(Campaign.state.in_(_PLANNED))))
    for campaign in scheduled:
        campaign.state, campaign.scheduled_at, campaign.approved_by = CampaignState.DRAFT, None, None
    return len(running) + len(scheduled), recipients


def _miss_greetings(session: Session, moment: datetime) -> int:
    """Before the greeting hour none of today's can have been sent; from then on each may have been."""
    here = clock.local(moment, settings().zone)
    missed = 0
    while here.hour >= settings().greeting_hour and (people := greetings.due(session, moment)):
        for customer in session.scalars(select(Customer).where(Customer.id.in_(people))):
            line = Greeting(customer_id=customer.id, occasion=RESTORED, local_date=here.date(), at=moment)
            line.state = GreetingState.MISSED
            session.add(line)
        session.flush()
        missed += len(people)
    return missed


def _end_surveys(session: Session, moment: datetime) -> int:
    due = update(Survey).where(Survey.asked_at.is_(None), Survey.due_at <= moment)
    return _rows(session.execute(due.values(asked_at=moment)))


def _rows(result: Any) -> int:
    counted: CursorResult[Any] = result
    return counted.rowcount
