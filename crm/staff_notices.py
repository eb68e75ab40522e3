"""What a member of staff is told: a row for the console's bell, and a message to their own chat if they linked one."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm import audit, clock, outbox, templates
from crm.errors import NotFound
from crm.models.campaigns import TrialAccount
from crm.models.conversations import Author, Message
from crm.models.messaging import Outbox, OutboxKind
from crm.models.people import ChannelAccount, Customer
from crm.models.service import NoticeKind, StaffNotice
from crm.models.staff import Role, Staff
from crm.outbox import Content
from crm.trial_sends import Proof

CHAT_KEY = "staff_notice:"
_AT_ONCE = 500
_LEADS = (Role.LEAD,)
_MANAGERS = (Role.ADMIN, Role.OWNER)


def tell(
    session: Session,
    staff_ids: Collection[int],
    kind: NoticeKind,
    *,
    key: str,
    target: str,
    customer_id: int | None = None,
    **words: str,
) -> int:
    """Tells each active person among `staff_ids` once, however often it is called with the same `key`.

    Args:
        target: the console page it is about, such as "/complaints/5".
        customer_id: whose name `words` hold, so that the notice goes when the customer is erased.
        words: what the sentences of the kind ask for (data/templates/staff.yml).

    Returns:
        How many people had not been told before.

    Raises:
        KeyError: `words` lack one that the sentence asks for.
    """
    if words.get("name") == "":
        words["name"] = templates.for_staff("nameless")
    text = templates.for_staff(kind.value, **words)
    row = {"customer_id": customer_id, "kind": kind, "key": key, "target": target, "words": words, "at": clock.now()}
    wanted = select(Staff.id).where(Staff.id.in_(set(staff_ids)), Staff.active.is_(True)).order_by(Staff.id)
    told = _add(session, [{"staff_id": person, **row} for person in session.scalars(wanted)])
    for person, account in _chats(session, told):
        name = _chat_key(person, key)
        outbox.enqueue(session, account, Content(text), kind=OutboxKind.CARE, author=Author.SYSTEM, dedupe_key=name)
    return len(told)


def tell_colleague(
    session: Session, to: Staff, kind: NoticeKind, *, by: Staff, key: str, target: str, customer: Customer
) -> None:
    """As `tell`, to one person: what `by`, a colleague, has given or said to them about the customer."""
    tell(session, [to.id], kind, key=key, target=target, customer_id=customer.id, who=by.name, name=customer.name)


def leads(session: Session) -> list[int]:
    """Who steps in when a clock runs out; the managers, in a shop that has no leads."""
    return _with_role(session, _LEADS) or managers(session)


def managers(session: Session) -> list[int]:
    """Administrators and owners."""
    return _with_role(session, _MANAGERS)


def unread(session: Session, staff_id: int) -> int:
    """How many notices the person has not read."""
    mine = select(func.count()).where(StaffNotice.staff_id == staff_id, StaffNotice.read_at.is_(None))
    return session.scalar(mine) or 0


def latest(session: Session, staff_id: int, limit: int = 20) -> list[StaffNotice]:
    """The person's last notices, newest first."""
    mine = select(StaffNotice).where(StaffNotice.staff_id == staff_id)
    return list(session.scalars(mine.order_by(StaffNotice.id.desc()).limit(limit)))


def mark_read(session: Session, staff: Staff, up_to: int) -> None:
    """Marks the person's notices up to number `up_to` as read."""
    seen = update(StaffNotice).where(
        StaffNotice.staff_id == staff.id, StaffNotice.id <= up_to, StaffNotice.read_at.is_(None)
    )
    session.execute(seen.values(read_at=clock.now()))


def forget(session: Session, customer_ids: Collection[int]) -> int:
    """Takes what was told of these customers out of the staff's own chats; how many messages that were.

    No key leads from such a message to the customer, so the notices say which they are: call it before those go.
    """
    theirs = select(StaffNotice.staff_id, StaffNotice.key).where(StaffNotice.customer_id.in_(customer_ids))
    return _forget_chats(session, [_chat_key(*row) for row in session.execute(theirs)])


def forget_old(session: Session, ids: Sequence[int]) -> int:
    """Deletes these notices with what they put into chats, which nobody could find any more; how many notices."""
    old = select(StaffNotice.staff_id, StaffNotice.key).where(StaffNotice.id.in_(ids))
    _forget_chats(session, [_chat_key(*row) for row in session.execute(old)])
    gone: Any = session.execute(delete(StaffNotice).where(StaffNotice.id.in_(ids)))
    return int(gone.rowcount)


def link_chat(session: Session, staff: Staff, proof: Proof) -> ChannelAccount:
    """Notes the chat that `proof` came from as the person's own. Raises NotFound: the code has not arrived."""
    account = proof.chat(session)
    if account is None:
        raise NotFound("the code has not been written to the shop")
    session.merge(TrialAccount(staff_id=staff.id, account_id=account.id, at=clock.now()))
    audit.record(session, staff, "trial_account", "account", account.id)
    return account


def _add(session: Session, rows: list[dict[str, Any]]) -> list[int]:
    """Adds the rows that are not there yet; returns to whom."""
    if not rows:
        return []
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    added = insert(StaffNotice).values(rows).on_conflict_do_nothing(index_elements=["staff_id", "key"])
    return list(session.scalars(added.returning(StaffNotice.staff_id)))


def _chat_key(person: int, key: str) -> str:
    """What the message in the person's chat is known by in the outbox."""
    return f"{CHAT_KEY}{person}:{key}"


def _forget_chats(session: Session, names: Sequence[str]) -> int:
    count = 0
    for start in range(0, len(names), _AT_ONCE):
        mine = Outbox.dedupe_key.in_(names[start : start + _AT_ONCE])
        session.execute(delete(Message).where(Message.outbox_id.in_(select(Outbox.id).where(mine))))
        gone: Any = session.execute(delete(Outbox).where(mine))
        count += gone.rowcount
    return count


def _chats(session: Session, staff_ids: Sequence[int]) -> list[tuple[int, ChannelAccount]]:
    linked = (
        select(TrialAccount.staff_id, ChannelAccount)
        .join(ChannelAccount, ChannelAccount.id == TrialAccount.account_id)
        .where(TrialAccount.staff_id.in_(staff_ids))
    )
    return [(person, account) for person, account in session.execute(linked)]


def _with_role(session: Session, roles: tuple[Role, ...]) -> list[int]:
    people = select(Staff.id).where(Staff.role.in_(roles), Staff.active.is_(True)).order_by(Staff.id)
    return list(session.scalars(people))
