"""The second step of a log-in: a code of six digits from the person's own phone (TOTP, RFC 6238), once only.

Recovery codes stand in for a lost phone. The secret lies in the database as it is: whoever can read the database can
also read what the console protects.
"""

import hashlib
import hmac
import secrets

import pyotp
from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import Session

from crm import audit, clock, login_waits
from crm.errors import IllegalTransition, InvalidInput
from crm.login_waits import Origin
from crm.models.staff import RecoveryCode, Role, Staff
from crm.settings import settings
from crm.shop import shop

HERE = Origin()
CODES = 10
DRIFT = 1  # half minutes that a phone's clock may be early or late
NEEDED = frozenset({Role.LEAD, Role.ADMIN, Role.OWNER})
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that reads like something else


def required(staff: Staff) -> bool:
    """Whether this person may not log in by the password alone."""
    rule = settings().second_factor_rule
    return rule == "all" or (rule == "leads" and staff.role in NEEDED)


def enrolled(staff: Staff) -> bool:
    """Whether the person's phone was set up and proven with a code."""
    return staff.totp_since is not None


def prepare(staff: Staff) -> str:
    """What the phone has to read (an otpauth URI); the secret stays the same until a code proved it."""
    if enrolled(staff):
        raise IllegalTransition("the second step is set up already")
    if staff.totp_secret is None:
        staff.totp_secret = pyotp.random_base32()
    return uri(staff)


def uri(staff: Staff) -> str:
    """The otpauth URI of a secret that was prepared."""
    return pyotp.TOTP(_secret(staff)).provisioning_uri(name=staff.username, issuer_name=f"Tri Ân · {shop().name}")


def confirm(session: Session, staff: Staff, code: str, origin: Origin = HERE) -> list[str]:
    """Ends the setting up with a first right code; returns the recovery codes, which are shown this once.

    Returns nothing when the code was wrong or has to wait; commit also then: it was counted.
    """
    if enrolled(staff):
        raise IllegalTransition("the second step is set up already")
    if staff.totp_secret is None or not _judged(session, staff, code, origin):
        return []
    staff.totp_since = clock.now()
    audit.record(session, staff, "second_step_on", "staff", staff.id)
    return _fresh_codes(session, staff)


def check(session: Session, staff: Staff, code: str, origin: Origin = HERE) -> bool:
    """Whether `code` is the phone's, or one of the recovery codes; each is good once. Commit also after False."""
    return enrolled(staff) and _judged(session, staff, code, origin)


def renew_codes(session: Session, staff: Staff, code: str, origin: Origin = HERE) -> list[str]:
    """New recovery codes instead of the old ones, for a right code; nothing for a wrong one. Commit also then."""
    if not check(session, staff, code, origin):
        return []
    audit.record(session, staff, "second_step_codes", "staff", staff.id)
    return _fresh_codes(session, staff)


def codes_left(session: Session, staff_id: int) -> int:
    """How many recovery codes the person still has."""
    unused = select(func.count()).where(RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def forget(session: Session, staff: Staff, by: Staff | None) -> None:
    """Takes the second step away: the phone is lost, or changes. Who needs one sets it up anew at the next log-in."""
    staff.totp_secret, staff.totp_since = None, None
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    audit.record(session, by, "second_step_off", "staff", staff.id)


def _judged(session: Session, staff: Staff, code: str, origin: Origin) -> bool:
    rows = login_waits.locked(session, login_waits.for_code(staff.id, origin))
    if rows is None:
        return False
    plain = "".join(code.lower().split()).replace("-", "")
    if _of_phone(session, staff, plain) or (enrolled(staff) and _of_recovery(session, staff, plain)):
        login_waits.right(session, rows)
        return True
    count = login_waits.failed(rows)
    audit.record(session, None, "second_step_failed", "staff", staff.id, count=count, address=origin.address)
    return False


def _of_phone(session: Session, staff: Staff, code: str) -> bool:
    totp = pyotp.TOTP(_secret(staff))
    now = totp.timecode(clock.now())
    for step in range(now - DRIFT, now + DRIFT + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return _take(session, staff, step)
    return False


def _take(session: Session, staff: Staff, step: int) -> bool:
    """Compare-and-set: of two log-ins with the same code one is refused, and no code is good after a later one."""
    later = update(Staff).where(Staff.id == staff.id, Staff.totp_last_step < step).values(totp_last_step=step)
    result = session.execute(later)
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def _of_recovery(session: Session, staff: Staff, code: str) -> bool:
    mine = RecoveryCode.staff_id == staff.id, RecoveryCode.code_hash == _hash(code), RecoveryCode.used_at.is_(None)
    result = session.execute(update(RecoveryCode).where(*mine).values(used_at=clock.now()))
    assert isinstance(result, CursorResult)
    if result.rowcount != 1:
        return False
    audit.record(session, staff, "recovery_code", "staff", staff.id, left=codes_left(session, staff.id))
    return True


def _fresh_codes(session: Session, staff: Staff) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(CODES)]
    session.add_all(RecoveryCode(staff_id=staff.id, code_hash=_hash(code)) for code in codes)
    session.flush()
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def _secret(staff: Staff) -> str:
    if staff.totp_secret is None:
        raise InvalidInput("code", "the second step was never begun")
    return staff.totp_secret


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
