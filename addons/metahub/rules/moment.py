"""Points in time, as the rules write them: in UTC, to the second.

Knows ISO 8601, and what YAML takes for a date. Must not know what happens then.
https://www.rfc-editor.org/rfc/rfc3339
"""

import re
from datetime import UTC, datetime

from metahub.rules.mistake import Unquoted, shown
from metahub.rules.unexpected import UnexpectedValueError, text

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?")


def day_or_moment(value: object) -> datetime:
    """A time, or a day, which is its beginning. Raises UnexpectedValueError."""
    expected = "a day or a time like 2026-11-25T10:00:00Z"
    word = _word(value, expected)
    meant = _meant(word) if _DAY.fullmatch(word) or _MOMENT.fullmatch(word) else None
    if meant is None:
        raise UnexpectedValueError(shown(value), expected)
    return meant


def moment(value: object) -> datetime:
    """A time. A day would leave open whether it counts itself. Raises UnexpectedValueError."""
    expected = "a time like 2026-12-02T10:00:00Z"
    word = _word(value, expected)
    meant = _meant(word) if _MOMENT.fullmatch(word) else None
    if meant is None:
        is_day = _DAY.fullmatch(word) and _meant(word)
        did_you_mean = f"{word}T23:59:59Z" if is_day else ""
        raise UnexpectedValueError(shown(value), expected, did_you_mean)
    return meant


def written(meant: datetime) -> str:
    """A time, as the rules write it."""
    return f"{meant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _word(value: object, expected: str) -> str:
    """The word itself, in quotes or not: YAML takes one without for a date."""
    if isinstance(value, Unquoted) and value.kind == "date":
        return value.word
    return text(value, expected)


def _meant(word: str) -> datetime | None:
    """In UTC, where no other zone is said; None for what no calendar has."""
    try:
        read = datetime.fromisoformat(word.upper())
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
