"""What a registry wants to be shown, as its 401 says it.

Knows `WWW-Authenticate`. Must not know logins, nor how a token is fetched.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
_SCHEME = re.compile(r"\s*(?P<scheme>[A-Za-z]+)(?:\s+|$)(?P<rest>.*)", re.DOTALL)
_PARAMETER = re.compile(r'(?P<name>[A-Za-z_]+)\s*=\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s,"]+))')

_BEST_FIRST = ("bearer", "basic")


@dataclass(frozen=True, slots=True)
class Challenge:
    """A scheme, in lower case, and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenge(headers: Iterable[str]) -> Challenge | None:
    """The best of what a registry offers; None where it offers nothing that is known here."""
    matches = filter(None, map(_SCHEME.fullmatch, headers))
    offered = {match["scheme"].lower(): match["rest"] for match in matches}
    scheme = next((known for known in _BEST_FIRST if known in offered), None)
    return Challenge(scheme, _parameters(offered[scheme])) if scheme else None


def _parameters(text: str) -> Mapping[str, str]:
    return {
        match["name"].lower(): match["bare"] or match["quoted"] or ""
        for match in _PARAMETER.finditer(text)
    }
