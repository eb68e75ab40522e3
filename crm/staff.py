"""Staff log-ins: who they are, their passwords, and whether a try to log in is right."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import audit, clock, login_waits, passwords, staff_links, staff_sessions
from crm.errors import InvalidInput, NotFound
from crm.login_waits import Origin
from crm.models.staff import Role, Staff

_USERNAME = re.compile(r"^[a-z0-9][a-z0-9._-]{1,63}$")
SERVICE = "api."  # log-in names that begin so are the API tokens' own; nobody logs in with them
LONGEST_NAME = 200
HERE = Origin()


def add(session: Session, username: str, name: str, role: Role, password: str | None, by: Staff | None = None) -> Staff:
    """Makes a log-in; without a password nobody can use it before a link gave it one.

    Raises:
        InvalidInput: the log-in name is taken or unusable, the name empty or too long, the password easy to guess.
    """
    username, name = _usable(session, username), _name(name)
    kept = passwords.hashed(password, username, name) if password is not None else passwords.NOBODYS
    staff = Staff(username=username, name=name, role=role, created_at=clock.now(), password_hash=kept)
    session.add(staff)
    session.flush()
    audit.record(session, by, "staff_add", "staff", staff.id, username=username, role=role.value)
    return staff


def find(session: Session, username: str) -> Staff:
    """The person with this log-in name; raises NotFound."""
    staff = session.scalar(select(Staff).where(Staff.username == username.strip().lower()))
    if staff is None:
        raise NotFound(f"staff {username}")
    return staff


def set_password(session: Session, staff: Staff, password: str, by: Staff | None = None, keep: str = "") -> None:
    """Gives a new password and logs the person out everywhere, but for the log-in with the token `keep`.

    Links that were given out before end too. Raises passwords.WeakPassword.
    """
    staff.password_hash = passwords.hashed(password, staff.username, staff.name)
    staff_sessions.end_others(session, staff.id, keep)
    staff_links.end_all(session, staff.id)
    audit.record(session, by, "staff_password", "staff", staff.id)


def change_own_password(
    session: Session, staff: Staff, old: str, new: str, origin: Origin = HERE, keep: str = ""
) -> bool:
    """Gives a new password to whoever knows the old one; False when it was wrong. Commit also then: it was counted.

    `keep`: the token of the log-in that goes on. Raises passwords.WeakPassword.
    """
    if verify(session, staff.username, old, origin) is None:
        return False
    set_password(session, staff, new, staff, keep)
    return True


def verify(session: Session, username: str, password: str, origin: Origin = HERE) -> Staff | None:
    """Who this is, or None: no such person, disabled, wrong password, or `origin` has to wait after wrong ones.

    Every judged try costs one hash, so that the time taken does not tell which. Commit also after None: it was counted.
    """
    username = username.strip().lower()
    rows = login_waits.locked(session, login_waits.for_password(username, origin))
    if rows is None:
        return None
    staff = session.scalar(select(Staff).where(Staff.username == username))
    right = passwords.matches(staff.password_hash if staff is not None else passwords.nobodys_hash(), password)
    if staff is None or not staff.active or not right:
        number = staff.id if staff is not None else 0
        audit.record(
            session, None, "log_in_failed", "staff", number, count=login_waits.failed(rows), address=origin.address
        )
        return None
    login_waits.right(session, rows)
    if passwords.hasher.check_needs_rehash(staff.password_hash):
        staff.password_hash = passwords.hasher.hash(password)
    return staff


def rename(session: Session, staff: Staff, name: str, by: Staff) -> None:
    """Changes what the person is called. Raises InvalidInput for an empty or too long name."""
    staff.name = _name(name)
    audit.record(session, by, "staff_rename", "staff", staff.id)


def is_service(staff: Staff) -> bool:
    """Whether this is an API token's own row and nobody's log-in."""
    return staff.username.startswith(SERVICE)


def _usable(session: Session, username: str) -> str:
    username = username.strip().lower()
    if not _USERNAME.match(username) or username.startswith(SERVICE):
        raise InvalidInput("username", "2 to 64 letters a-z, digits, dots, dashes")
    if session.scalar(select(Staff.id).where(Staff.username == username)) is not None:
        raise InvalidInput("username_taken", username)
    return username


def _name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput("staff_name", f"write the person's name, {LONGEST_NAME} characters at most")
    return name
