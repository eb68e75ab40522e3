"""A customer with traces in every table that foreign keys lead to from a customer, whatever tables there are."""

from datetime import date
from itertools import count
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Date, Enum, String, Table, insert, select
from sqlalchemy.orm import Session

from crm import clock, customers, staff_notices
from crm.customers import Caller
from crm.models import Base
from crm.models.base import UtcDateTime
from crm.models.campaigns import Campaign, TrialAccount
from crm.models.care import ComplaintState
from crm.models.conversations import Conversation
from crm.models.messaging import ActionReceipt, Inbound
from crm.models.people import AuditEntry
from crm.models.service import NoticeKind
from crm.personal_data_map import CUSTOMERS, places
from crm.personal_data_rules import KEPT
from crm.settings import settings
from tests.crm import factories

_unique = count(1)


def leave(session: Session, mark: str, chat_id: int = 987_654_321) -> Conversation:
    """Somebody whose every text is `mark`. Their complaints are closed."""
    talk = customers.meet(session, Caller(settings().bot_id, chat_id, f"{mark} Hạnh", mark))
    staff = factories.agent(session, f"nv{next(_unique)}")
    campaign = Campaign(
        name="Chung", text="Chung", audience={"kind": "all"}, created_by=staff.id, created_at=clock.now()
    )
    session.add(campaign)
    session.flush()
    customer = talk.customer
    customer.phone, customer.email, customer.habits = "0912777888", f"{mark.lower()}@vidu.vn", mark
    customer.occupation, customer.external_id = mark, f"{mark}-ext"
    made = {CUSTOMERS: customer.id, "channel_accounts": talk.account_id, "conversations": talk.id}
    others: dict[str, Any] = {"staff": staff.id, "campaigns": campaign.id}
    session.flush()
    for place in places():
        if place.table.name not in made:
            made[place.table.name] = _row(session, place.table, mark, made, others)
    _beside(session, mark, chat_id, made)
    session.flush()
    return talk


def tell_staff(session: Session, mark: str, customer_id: int, chat_id: int) -> int:
    """Somebody of the staff is told of the customer by name, in their own chat too; the number of that chat's talk."""
    staff = factories.agent(session, f"nv{next(_unique)}")
    own = customers.meet(session, Caller(settings().bot_id, chat_id, "Nhân Viên"))
    session.add(TrialAccount(staff_id=staff.id, account_id=own.account_id, at=clock.now()))
    session.flush()
    told = {"key": f"told:{customer_id}", "target": "/", "who": "Mai", "name": mark}
    assert staff_notices.tell(session, [staff.id], NoticeKind.ASSIGNED, customer_id=customer_id, **told) == 1
    return own.id


def _beside(session: Session, mark: str, chat_id: int, made: dict[str, Any]) -> None:
    """Traces that no foreign key leads to."""
    payload = {"message": {"text": mark, "chat": {"id": chat_id}}}
    update = Inbound(bot_id=settings().bot_id, update_id=next(_unique), chat_id=chat_id, payload=payload)
    update.received_at = clock.now()
    session.add(update)
    session.flush()
    session.add(ActionReceipt(turn_id=f"inbound-{update.id}", action="a", result={"said": mark}, at=clock.now()))
    for subject, table in (("complaint", "complaints"), ("conversation", "conversations"), ("customer", CUSTOMERS)):
        session.add(
            AuditEntry(at=clock.now(), action="x", subject=subject, subject_id=made[table], detail={"note": mark})
        )


def _row(session: Session, table: Table, mark: str, made: dict[str, Any], others: dict[str, Any]) -> Any:
    """One row of `table` with `mark` in every text; its number, or None where it has none."""
    values = {column.name: _value(session, column, mark, made, others) for column in table.columns}
    values = {name: value for name, value in values.items() if value is not _LEFT}
    values |= _AS_IT_MUST_BE.get(table.name, {})
    result: Any = session.execute(insert(table).values(values))
    return result.inserted_primary_key[0]


_LEFT = object()
_AS_IT_MUST_BE = {
    "outbox": {"campaign_id": None},
    "campaign_recipients": {"outbox_id": None},
    "service_clocks": {"escalation_id": None},
}


def _value(session: Session, column: Column[Any], mark: str, made: dict[str, Any], others: dict[str, Any]) -> Any:
    for key in column.foreign_keys:
        parent = key.column.table.name
        if parent == column.table.name:
            return None
        return made[parent] if parent in made else _other(session, key.column.table, mark, made, others)
    if column.primary_key and column.name == "id":
        return _LEFT
    kind = column.type
    if isinstance(kind, Enum):
        return ComplaintState.CLOSED if column.table.name == "complaints" and column.name == "state" else _first(kind)
    if column.name in KEPT.get(column.table.name, ()):  # codes and the like, which the shop writes
        return f"CODE{next(_unique)}"
    if isinstance(kind, String):
        return f"{mark} {next(_unique)}"[: kind.length or 200]
    if isinstance(kind, JSON):
        return [mark] if "list" in str(column.default) else {"text": mark}
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Date):
        return date(2026, 1, 1)
    return clock.now() if isinstance(kind, UtcDateTime) else next(_unique)


def _first(kind: Enum) -> Any:
    return next(iter(kind.enum_class)) if kind.enum_class else kind.enums[0]


def _other(session: Session, table: Table, mark: str, made: dict[str, Any], others: dict[str, Any]) -> Any:
    """A row of somebody else's table, made when it is first needed."""
    if table.name not in others:
        neutral: dict[str, Any] = {}
        others[table.name] = None  # a circle of references ends here
        others[table.name] = _row(session, table, "chung", {**made, **neutral}, others)
    return others[table.name]


def everything(session: Session) -> str:
    """All that the database holds, as one text."""
    told = []
    for table in Base.metadata.sorted_tables:
        told += [f"{table.name}: {tuple(row)!r}" for row in session.execute(select(table))]
    return "\n".join(told)
