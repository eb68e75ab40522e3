"""Who of the staff is there, how much each can hold, and whose turn it is when conversations are given out.

Turns are counted in one row that whoever gives a conversation out holds locked until the end of the transaction: two
processes never give one person more than they can hold, nor one conversation to two.
"""

from collections.abc import Collection

from sqlalchemy import case, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm import audit, clock, staff_sessions
from crm.errors import InvalidInput
from crm.models.conversations import Escalation, EscalationState
from crm.models.inbox import StaffDesk
from crm.models.messaging import Counter
from crm.models.staff import Role, Staff
from crm.settings import settings

CARERS = frozenset(Role) - {Role.MARKETING}
MOST = 100
_TURN = "turn"


def desk(session: Session, staff_id: int) -> StaffDesk:
    """The person's place at the inbox, made on first use; to be called where writing is allowed."""
    mine = session.get(StaffDesk, staff_id)
    if mine is None:
        make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        row = {"staff_id": staff_id, "present": False, "last_turn": 0, "sound": True, "badge": True}
        session.execute(make(StaffDesk).values(row).on_conflict_do_nothing())
        mine = session.get_one(StaffDesk, staff_id)
    return mine


def look(session: Session, staff_id: int) -> StaffDesk:
    """The person's place as it is, or as it would be made. Only looks."""
    return session.get(StaffDesk, staff_id) or StaffDesk(staff_id=staff_id, present=False, sound=True, badge=True)


def prefer(session: Session, staff_id: int, *, sound: bool | None = None, badge: bool | None = None) -> None:
    """Remembers whether the person wants the tone and the number in the title; None leaves it as it is."""
    mine = desk(session, staff_id)
    mine.sound = mine.sound if sound is None else sound
    mine.badge = mine.badge if badge is None else badge


def set_capacity(session: Session, staff_id: int, capacity: int | None, by: Staff) -> None:
    """How many conversations the person may hold when they are given out; None: the shop's setting. InvalidInput."""
    if capacity is not None and not 0 <= capacity <= MOST:
        raise InvalidInput("capacity", f"0 to {MOST}")
    desk(session, staff_id).capacity = capacity
    audit.record(session, by, "set_capacity", "staff", staff_id, capacity=capacity)


def mark(session: Session, staff: Staff, present: bool) -> bool:
    """Writes down that the person is there, or is not; whether that is a change.

    `escalations.set_present` is what pages call: who comes back may be given what waits.
    """
    mine = desk(session, staff.id)
    if mine.present == present:
        return False
    mine.present, mine.present_since = present, clock.now() if present else None
    audit.record(session, staff, "present" if present else "away", "staff", staff.id)
    return True


def carers(session: Session) -> list[Staff]:
    """Everybody who may look after conversations now, by name."""
    active = select(Staff).where(Staff.active.is_(True), Staff.role.in_(CARERS))
    return list(session.scalars(active.order_by(Staff.name, Staff.id)))


def may_hold(staff: Staff) -> bool:
    """Whether conversations may be given to this person."""
    return staff.active and staff.role in CARERS


def next_in_turn(session: Session, without: Collection[int] = ()) -> Staff | None:
    """Who is there, can hold one more and had a conversation longest ago; their turn is counted. None: nobody.

    Nobody is there who is logged in no more, whatever they said when they were.

    From here to the end of the transaction nobody else gives anything out.
    """
    turn = hold_turn(session)
    held = (
        select(func.count(Escalation.id))
        .where(Escalation.staff_id == StaffDesk.staff_id, Escalation.state == EscalationState.CLAIMED)
        .scalar_subquery()
    )
    room = case((StaffDesk.capacity.is_(None), settings().agent_capacity), else_=StaffDesk.capacity)
    free = (
        select(StaffDesk, Staff)
        .join(Staff, Staff.id == StaffDesk.staff_id)
        .where(StaffDesk.present.is_(True), Staff.active.is_(True), Staff.role.in_(CARERS), held < room)
        .where(StaffDesk.staff_id.in_(staff_sessions.last_seen(session)), StaffDesk.staff_id.not_in(without))
        .order_by(StaffDesk.last_turn, StaffDesk.staff_id)
        .execution_options(populate_existing=True)
    )
    found = session.execute(free.limit(1)).first()
    if found is None:
        return None
    turn.value += 1
    found[0].last_turn = turn.value
    session.flush()
    return found[1]


def hold_turn(session: Session) -> Counter:
    """The row in which turns are counted, locked: whoever comes next waits, and then sees what was given out."""
    locked = select(Counter).where(Counter.name == _TURN).with_for_update().execution_options(populate_existing=True)
    turn = session.scalar(locked)
    if turn is None:
        make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.execute(make(Counter).values(name=_TURN, value=0).on_conflict_do_nothing())
        turn = session.scalars(locked).one()
    return turn
