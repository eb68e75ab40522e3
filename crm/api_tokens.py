"""Keys with which other systems use the API: what each may do, until when, and under which name it is logged."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm import audit, clock
from crm.errors import InvalidInput, NotFound
from crm.models.integration import ApiToken
from crm.models.staff import Role, Staff

PREFIX = "trian_"
HINT = 12
LONGEST_LIFE_DAYS = 730
USED_EVERY = timedelta(minutes=1)
NOBODYS_PASSWORD = "!"


class Scope(StrEnum):
    """What a token may do, a resource and a direction each."""

    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    PURCHASES_READ = "purchases:read"
    PURCHASES_WRITE = "purchases:write"
    PRODUCTS_READ = "products:read"
    PRODUCTS_WRITE = "products:write"
    COMPLAINTS_READ = "complaints:read"
    COMPLAINTS_WRITE = "complaints:write"
    CONVERSATIONS_READ = "conversations:read"
    RATINGS_READ = "ratings:read"
    MESSAGES_READ = "messages:read"
    MESSAGES_WRITE = "messages:write"


def issue(
    session: Session, staff: Staff | None, name: str, scopes: Collection[Scope], days: int
) -> tuple[ApiToken, str]:
    """Makes a token that is good for `days`; returns its row and the token itself, which is never seen again.

    Raises InvalidInput: no name, no scope, or not between one day and two years.
    """
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise InvalidInput("token_name", "say in 1 to 100 characters which system it is for")
    if not scopes:
        raise InvalidInput("scopes", "choose at least one")
    if not 1 <= days <= LONGEST_LIFE_DAYS:
        raise InvalidInput("days", f"1 to {LONGEST_LIFE_DAYS}")
    secret, moment = PREFIX + secrets.token_urlsafe(32), clock.now()
    token = ApiToken(
        name=name,
        hint=secret[:HINT],
        token_hash=_hash(secret),
        scopes=sorted(scope.value for scope in scopes),
        staff=_name_in_the_log(session, name, moment),
        created_by=staff.id if staff else None,
        created_at=moment,
        expires_at=moment + timedelta(days=days),
    )
    session.add(token)
    session.flush()
    audit.record(session, staff, "token_issue", "token", token.id, name=name, scopes=token.scopes, days=days)
    return token, secret


def revoke(session: Session, staff: Staff | None, token_id: int) -> ApiToken:
    """Ends a token at once; ending it again is harmless. Raises NotFound."""
    token = session.scalar(select(ApiToken).where(ApiToken.id == token_id).with_for_update())
    if token is None:
        raise NotFound(f"token {token_id}")
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        audit.record(session, staff, "token_revoke", "token", token.id, name=token.name)
    return token


def bearer(session: Session, secret: str) -> ApiToken | None:
    """The token, with the row it acts as, if it is known, not revoked and not run out."""
    good = (
        ApiToken.token_hash == _hash(secret),
        ApiToken.revoked_at.is_(None),
        ApiToken.expires_at > clock.now(),
    )
    return session.scalar(select(ApiToken).options(joinedload(ApiToken.staff)).where(*good))


def was_used(session: Session, token_id: int) -> None:
    """Notes the use. Ask `use_is_stale` first: it is not worth a write each time."""
    session.get_one(ApiToken, token_id).last_used_at = clock.now()


def use_is_stale(token: ApiToken) -> bool:
    """Whether the noted use lies so far back that this one is worth noting."""
    return token.last_used_at is None or clock.now() - token.last_used_at > USED_EVERY


def listing(session: Session) -> list[ApiToken]:
    """Every token, the newest first; those that ended too."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.id.desc())))


def is_alive(token: ApiToken) -> bool:
    """Whether it opens anything now."""
    return token.revoked_at is None and token.expires_at > clock.now()


def _name_in_the_log(session: Session, name: str, moment: datetime) -> Staff:
    """A row that nobody can log in as: it is not active, and no password matches what stands where the hash would."""
    staff = Staff(
        username=f"api.{secrets.token_hex(8)}",
        name=f"API · {name}",
        role=Role.AGENT,
        password_hash=NOBODYS_PASSWORD,
        active=False,
        created_at=moment,
    )
    session.add(staff)
    session.flush()
    return staff


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
