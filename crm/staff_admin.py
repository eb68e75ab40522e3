"""What those who run the console may change about the others. Nobody raises themselves; one of them always stays."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audit, availability, case_owners, holds, recovery, second_factor, staff, staff_links, staff_sessions
from crm.errors import IllegalTransition, NotFound, PermissionDenied
from crm.first_admin import ADMINS
from crm.models.staff import LinkPurpose, Role, Staff


class OwnAccount(PermissionDenied):
    """Nobody changes their own role, or shuts themselves out."""


class OwnersOnly(PermissionDenied):
    """Owners are made and changed by owners."""


class LastOne(IllegalTransition):
    """Without this person nobody could run the console, or nobody would be its owner."""


def listing(session: Session) -> list[Staff]:
    """Everybody, those who may log in first, then by name. API tokens' own rows are nobody."""
    found = session.scalars(select(Staff).order_by(Staff.active.desc(), Staff.name, Staff.id))
    return [each for each in found if not staff.is_service(each)]


def get(session: Session, staff_id: int) -> Staff:
    """The person. Raises NotFound, also for an API token's own row."""
    found = session.get(Staff, staff_id)
    if found is None or staff.is_service(found):
        raise NotFound(f"staff {staff_id}")
    return found


def may_change(by: Staff, person: Staff) -> bool:
    """Whether `by` may change this person's role and rights."""
    return by.role in ADMINS and by.id != person.id and (person.role is not Role.OWNER or by.role is Role.OWNER)


def roles_for(by: Staff) -> list[Role]:
    """The roles that `by` may give."""
    return [role for role in Role if role is not Role.OWNER or by.role is Role.OWNER]


def invite(session: Session, by: Staff, username: str, name: str, role: Role) -> tuple[Staff, str]:
    """A new person without a password, and the token of the link with which they choose one.

    Raises:
        PermissionDenied: `by` may not add people, or not with this role.
        InvalidInput: a name that is taken or unusable.
    """
    _admins(session, by)
    _may_give(by, role)
    person = staff.add(session, username, name, role, None, by)
    return person, staff_links.give(session, LinkPurpose.PASSWORD, person.id)


def change_role(session: Session, by: Staff, staff_id: int, role: Role) -> None:
    """Gives another role and logs the person out, so that no open page keeps the old one.

    Raises:
        PermissionDenied, LastOne, NotFound: as the classes say.
    """
    person, admins = _locked(session, by, staff_id)
    _may_give(by, role)
    if role is person.role:
        return
    _somebody_stays(person, admins, role)
    before, person.role = person.role, role
    staff_sessions.end_all(session, person.id)
    audit.record(session, by, "staff_role", "staff", person.id, before=before.value, role=role.value)
    _clear_desk(session, person, by)


def disable(session: Session, by: Staff, staff_id: int) -> None:
    """Shuts the person out at once. What they did stays theirs; what they looked after is for the others.

    Raises as `change_role`.
    """
    person, admins = _locked(session, by, staff_id)
    if not person.active:
        return
    _somebody_stays(person, admins, None)
    person.active = False
    staff_sessions.end_all(session, person.id)
    staff_links.end_all(session, person.id)
    audit.record(session, by, "staff_disable", "staff", person.id)
    _clear_desk(session, person, by)


def enable(session: Session, by: Staff, staff_id: int) -> None:
    """Lets the person in again. Raises as `change_role`."""
    person, _ = _locked(session, by, staff_id)
    if not person.active:
        person.active = True
        audit.record(session, by, "staff_enable", "staff", person.id)


def rename(session: Session, by: Staff, staff_id: int, name: str) -> None:
    """Changes what the person is called. Raises as `change_role`, and InvalidInput."""
    person, _ = _locked(session, by, staff_id)
    staff.rename(session, person, name, by)


def password_link(session: Session, by: Staff | None, staff_id: int) -> str:
    """The token of a link with which the person chooses a new password; the old one is good until then.

    `by`: None is the command line. Raises as `change_role`.
    """
    person = _locked(session, by, staff_id)[0] if by is not None else get(session, staff_id)
    audit.record(session, by, "staff_password_link", "staff", person.id)
    return staff_links.give(session, LinkPurpose.PASSWORD, person.id)


def forget_second_factor(session: Session, by: Staff, staff_id: int) -> None:
    """For a lost phone: the person sets the second step up anew. Logs them out. Raises as `change_role`."""
    person, _ = _locked(session, by, staff_id)
    second_factor.forget(session, person, by)
    staff_sessions.end_all(session, person.id)


def end_session(session: Session, by: Staff, staff_id: int, token_hash: str | None) -> None:
    """Logs the person out of one browser (None: of all). Raises as `change_role`."""
    person, _ = _locked(session, by, staff_id)
    if token_hash is None:
        staff_sessions.end_all(session, person.id)
    else:
        staff_sessions.end_one(session, person.id, token_hash)
    audit.record(session, by, "sessions_end", "staff", person.id, all=token_hash is None)


def _locked(session: Session, by: Staff, staff_id: int) -> tuple[Staff, list[Staff]]:
    """The person, and all active people who run the console, whose rows are locked: two cannot remove each other."""
    admins = _admins(session, by)
    person = get(session, staff_id)
    if person.id == by.id:
        raise OwnAccount("your own account is changed by somebody else")
    if not may_change(by, person):
        raise OwnersOnly("an owner is changed by owners only")
    return person, admins


def _clear_desk(session: Session, person: Staff, by: Staff) -> None:
    """What the person may not do any more is left to the others: conversations, open cases, unhappy customers."""
    if not availability.may_hold(person):
        holds.leave(session, person, by)
    if not case_owners.may_own(person):
        case_owners.leave(session, person, by)
    recovery.leave(session, person, by)


def _admins(session: Session, by: Staff) -> list[Staff]:
    query = select(Staff).where(Staff.role.in_(ADMINS), Staff.active.is_(True)).order_by(Staff.id).with_for_update()
    admins = list(session.scalars(query.execution_options(populate_existing=True)))
    if by.id not in {each.id for each in admins}:
        raise PermissionDenied("only those who run the console change people")
    return admins


def _may_give(by: Staff, role: Role) -> None:
    if role not in roles_for(by):
        raise OwnersOnly("an owner is made by owners only")


def _somebody_stays(person: Staff, admins: list[Staff], role: Role | None) -> None:
    """`role`: the person's next one; None when they are shut out."""
    others = [each for each in admins if each.id != person.id]
    if person.role is Role.OWNER and role is not Role.OWNER and all(each.role is not Role.OWNER for each in others):
        raise LastOne("the last owner stays")
    if person.role in ADMINS and role not in ADMINS and not others:
        raise LastOne("the last one who runs the console stays")
