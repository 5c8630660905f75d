"""Which digests upstream showed to whom a moment ago.

Knows logins by a hash, and how long they hold. Must not know what a digest is of.
"""

import base64
import binascii
import hashlib
import json
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from metahub.proxy.upstream import Headers, Question

_SET_COOKIE = b"set-cookie"
_BEARER = "bearer "

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Seconds:
    """For how long a yes may be remembered that a client got with a login, or without."""

    private: float = 0
    anonymous: float = 0


@dataclass(frozen=True, slots=True)
class Yes:
    """What upstream said with it, and until when it holds: itself, and the login."""

    headers: Headers
    until: float
    """By the clock that nobody sets."""
    expires: float
    """By the clock of the world, which registries go by, too."""


@dataclass(slots=True)
class Yeses:
    """Spares upstream the second question of a pull, where a node asks for what it was just given.

    A yes counts for one digest, one repository and one login only, and no longer than the login;
    nor longer where somebody sets the clock back.
    """

    seconds: Seconds
    clock: Callable[[], float] = time.monotonic
    world: Callable[[], float] = time.time
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _yeses: OrderedDict[tuple[URL, bytes], Yes] = field(default_factory=OrderedDict)

    def remember(self, question: Question, headers: Headers) -> None:
        """Upstream has just answered this question, for a digest, with yes."""
        kept = tuple(pair for pair in headers if pair[0].lower() != _SET_COOKIE)
        yes = self._yes(question, kept)
        if not self._holds(yes):
            return
        name = self._name(question)
        self._yeses.pop(name, None)
        while self._yeses and self._oldest_goes():
            self._yeses.popitem(last=False)
        self._yeses[name] = yes

    def _oldest_goes(self) -> bool:
        """True where there are too many, and for one that only takes room for its headers."""
        oldest = next(iter(self._yeses.values()))
        return len(self._yeses) >= _MOST_REMEMBERED or not self._holds(oldest)

    def recall(self, question: Question) -> Headers | None:
        """The headers of a yes that still holds; None where upstream is to be asked."""
        yes = self._yeses.get(self._name(question))
        return yes.headers if yes and self._holds(yes) else None

    def _holds(self, yes: Yes) -> bool:
        return yes.until > self.clock() and yes.expires > self.world()

    def _name(self, question: Question) -> tuple[URL, bytes]:
        """No login is held, but a hash that says nothing outside of this process."""
        hashed = hashlib.blake2b(key=self._key)
        for name, value in question.login:
            hashed.update(b"%d:%s%d:%s" % (len(name), name, len(value), value))
        return question.url, hashed.digest()

    def _yes(self, question: Question, headers: Headers) -> Yes:
        token = _token(question)
        is_anonymous = not token["sub"] if "sub" in token else not question.login
        seconds = self.seconds.anonymous if is_anonymous else self.seconds.private
        expires = token.get("exp")
        end = expires if isinstance(expires, int | float) else math.inf
        return Yes(headers, self.clock() + seconds, end)


def _token(question: Question) -> Mapping[str, Any]:
    """What a token says of itself, if it is one that does. Its `sub` is empty if nobody logged in.

    https://distribution.github.io/distribution/spec/auth/jwt/
    """
    match question.login:
        case ((name, value),) if name.lower() == b"authorization":
            said = value.decode("latin-1")
        case _:
            return {}
    if not said.lower().startswith(_BEARER) or said.count(".") != 2:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(f"{said.split('.')[1]}==="))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
