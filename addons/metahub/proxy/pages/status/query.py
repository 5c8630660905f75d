"""What is asked for behind the `?`.

Knows forms. Must not know what their fields are for.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

_MOST_FIELDS = 20
_LONGEST = 300  # characters: no image name is longer
_DIGITS = 19  # a number with fewer is one of a database, too


def fields_of(query: str) -> Mapping[str, str]:
    """The fields that are filled in, each once; none of them where there are far too many."""
    try:
        pairs = parse_qsl(query, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    return {name: value.strip()[:_LONGEST] for name, value in reversed(pairs) if value.strip()}


def query_of(fields: Mapping[str, object]) -> str:
    """The same again, with its `?`; empty where nothing is asked for."""
    filled = {name: value for name, value in fields.items() if value not in ("", None)}
    return f"?{urlencode(filled)}" if filled else ""


def number_of(text: str | None) -> int | None:
    """A place, as a link says it; None for what is none."""
    digits = text or ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < _DIGITS else None
