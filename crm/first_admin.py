"""The first person of a new shop: made with a one-time link from the command line, by whoever may use that."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import staff, staff_links
from crm.errors import IllegalTransition
from crm.models.staff import LinkPurpose, Role, Staff

ADMINS = frozenset({Role.ADMIN, Role.OWNER})


class AdminExists(IllegalTransition):
    """Somebody who runs the console is there already: they add the others; `trian staff reset` gives a new password."""


def invite(session: Session) -> str:
    """The token of a link for one hour and one use. Raises AdminExists."""
    _nobody_yet(session)
    return staff_links.give(session, LinkPurpose.FIRST)


def create(session: Session, token: str, username: str, name: str, password: str) -> Staff:
    """Makes the owner. Raises staff_links.LinkSpent, AdminExists, and InvalidInput: then the link is still good."""
    staff_links.use(session, LinkPurpose.FIRST, token)
    _nobody_yet(session)
    return staff.add(session, username, name, Role.OWNER, password)


def _nobody_yet(session: Session) -> None:
    known = session.scalar(select(Staff.username).where(Staff.role.in_(ADMINS), Staff.active.is_(True)).limit(1))
    if known is not None:
        raise AdminExists(f"{known} runs the console already; `trian staff reset {known}` gives a new password")
