"""Passwords of staff: argon2id hashes, and which passwords are too easy to guess."""

import re
from enum import StrEnum
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crm.errors import InvalidInput
from crm.settings import settings
from crm.text import fold

SHORTEST = 10
LONGEST = 200
NOBODYS = "!"  # what no password has as its hash
_PLAIN_NAME = 5  # a name shorter than this may well stand within other words
hasher = PasswordHasher()  # argon2id with the parameters of RFC 9106's low-memory profile


class Weakness(StrEnum):
    """Why a password is not taken."""

    LENGTH = "length"
    COMMON = "common"
    NAME = "name"


class WeakPassword(InvalidInput):
    """The password is too easy to guess; `weakness` says how."""

    def __init__(self, weakness: Weakness) -> None:
        super().__init__("password", f"{SHORTEST} to {LONGEST} characters, not a common one, not the name: {weakness}")
        self.weakness = weakness


def hashed(password: str, username: str, name: str) -> str:
    """The hash to keep. Raises WeakPassword for one that is short, common, or the person's own name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(Weakness.LENGTH)
    if _is_common(password):
        raise WeakPassword(Weakness.COMMON)
    if _is_name(password, username, name):
        raise WeakPassword(Weakness.NAME)
    return hasher.hash(password)


def matches(stored: str, password: str) -> bool:
    """Whether `password` is the one that `stored` is the hash of."""
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def nobodys_hash() -> str:
    """What a try with an unknown user name is compared with, so that it takes as long as any other."""
    return hasher.hash("nobody has this password")


def _is_common(password: str) -> bool:
    plain = _plain(password)
    return plain in _common() or len(set(plain)) < 4 or re.sub(r"\d", "", plain) in _common()


def _is_name(password: str, username: str, name: str) -> bool:
    plain = _plain(password)
    letters = re.sub(r"\d", "", plain)
    names = {_plain(username), _plain(name), *(_plain(part) for part in name.split())}
    return any(letters == one or (len(one) >= _PLAIN_NAME and one in plain) for one in names if one)


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    path = settings().data_dir / "security" / "common_passwords.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(_plain(line) for line in lines if line and not line.startswith("#"))


def _plain(words: str) -> str:
    return re.sub(r"[^0-9a-z]", "", fold(words))
