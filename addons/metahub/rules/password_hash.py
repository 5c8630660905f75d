"""Which password hashes the rules may hold.

Knows argon2id and bcrypt, and what verifying costs. No error repeats a hash, or what stands for it.
"""

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime

from metahub.rules.unexpected import UnexpectedValueError

# Ours: one login with more would keep a core, or the memory, of the proxy for seconds.
MAX_ARGON2_MEMORY = 1024 * 1024  # KiB
MAX_ARGON2_TIME = 10  # passes
MAX_ARGON2_LANES = 16
MAX_BCRYPT_COST = 14  # a power of two

_BEARABLE = (
    f"m up to {MAX_ARGON2_MEMORY} and at least 8 times p, t up to {MAX_ARGON2_TIME},"
    f" p up to {MAX_ARGON2_LANES}"
)
EXPECTED = "an argon2id or bcrypt hash, as `htpasswd -nBC 12 USER` prints behind the colon"

# What the argon2 library decodes: it knows one order, two versions, and no padding.
# https://github.com/P-H-C/phc-winner-argon2/blob/20190702/src/encoding.c#L252-L394
_ARGON2ID = re.compile(
    r"\$argon2id\$v=(?:16|19)\$m=(?P<memory>[1-9]\d{0,9}),t=(?P<time>[1-9]\d{0,9})"
    r",p=(?P<lanes>[1-9]\d{0,9})"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,64})\$(?P<hash>[A-Za-z0-9+/]{16,256})"
)
# The last character of the salt holds two bits.
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_MIN_BCRYPT_COST = 4

_OTHERS = {
    "$argon2i$": "an argon2i hash",
    "$argon2d$": "an argon2d hash",
    "$argon2id$": "a damaged argon2id hash",
    "$2": "a damaged bcrypt hash",
    "$1$": "an MD5 hash",
    "$apr1$": "an MD5 hash",
    "$5$": "a SHA-256 hash",
    "$6$": "a SHA-512 hash",
    "$y$": "a yescrypt hash",
    "{SHA}": "a SHA-1 hash",
}


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A hash of a password that lets its user in. No representation shows it."""

    text: str = field(repr=False)
    until: datetime | None = None
    """In UTC: from then on it lets nobody in. None: for as long as the rules hold it."""
    since: datetime | None = None
    """In UTC: when it was made, if the rules say so. For people: nothing goes by it."""

    def holds(self, now: datetime) -> bool:
        """True if its password is still good."""
        return self.until is None or now < self.until


def verifiable_hash(value: object) -> str:
    """A hash that the proxy can verify a password against, in bearable time.

    Raises UnexpectedValueError, which does not show it.
    """
    if not isinstance(value, str):
        raise UnexpectedValueError("nothing" if value is None else "something else", EXPECTED)
    bcrypt = _BCRYPT.fullmatch(value)
    if bcrypt:
        return _bearable_bcrypt(value, int(bcrypt["cost"]))
    argon2id = _ARGON2ID.fullmatch(value)
    if argon2id and _is_canonical(argon2id["salt"]) and _is_canonical(argon2id["hash"]):
        memory, time, lanes = (int(argon2id[cost]) for cost in ("memory", "time", "lanes"))
        return _bearable_argon2id(value, memory, time, lanes)
    raise UnexpectedValueError(f"{_name(value)} (not shown)", EXPECTED)


def _name(value: str) -> str:
    known = (name for start, name in _OTHERS.items() if value.startswith(start))
    return next(known, "a text that is no such hash")


def _is_canonical(encoded: str) -> bool:
    """True for base64 whose last bits are zero: the argon2 library decodes no other."""
    padded = encoded + "=" * (-len(encoded) % 4)
    try:
        return base64.b64encode(base64.b64decode(padded)).decode() == padded
    except ValueError:
        return False


def _bearable_bcrypt(value: str, cost: int) -> str:
    if not _MIN_BCRYPT_COST <= cost <= MAX_BCRYPT_COST:
        expected = f"a cost from {_MIN_BCRYPT_COST} to {MAX_BCRYPT_COST}"
        raise UnexpectedValueError(f"a bcrypt hash of cost {cost}", expected)
    return value


def _bearable_argon2id(value: str, memory: int, time: int, lanes: int) -> str:
    is_bearable = memory <= MAX_ARGON2_MEMORY and time <= MAX_ARGON2_TIME
    if is_bearable and lanes <= min(MAX_ARGON2_LANES, memory // 8):
        return value
    found = f"an argon2id hash of m={memory},t={time},p={lanes}"
    raise UnexpectedValueError(found, _BEARABLE)
