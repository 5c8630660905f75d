"""What the log says of failed logins, and the like: one line at once, and then a line a minute.

Knows who failed, and how often. Must not know why, nor a password.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from metahub.core.distribution import short_name

SECONDS_BETWEEN_LINES = 60.0

# So many have lines of their own at a time. Whoever else fails is counted with all such others.
MOST_ORIGINS = 100
MOST_USERS = 100

type Later = Callable[[float, Callable[[], None]], object]
"""Has something done in some seconds."""

type _Counted = Hashable | None
"""Whose failures are counted together; None: those of all who are too many to name."""


@dataclass(slots=True)
class _Count:
    """The failures since the last line."""

    one: str
    failures: int = 0
    users: set[str] = field(default_factory=set)

    def add(self, user: str | None) -> None:
        self.failures += 1
        if user is not None and len(self.users) < MOST_USERS:
            self.users.add(short_name(user))

    def __str__(self) -> str:
        text = _counted(self.failures, f"more {self.one}")
        more = " or more" if len(self.users) == MOST_USERS else ""
        return f"{text}, as {_counted(len(self.users), 'user')}{more}" if self.users else text


def _in_the_loop(seconds: float, then: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, then)


class FailedLogins:
    """Says a few of many: whoever guesses must not fill the disk."""

    def __init__(
        self,
        say: Callable[[str], object],
        later: Later = _in_the_loop,
        one: str = "failed login",
        elsewhere: str = "other addresses",
    ) -> None:
        """`one` is what each of them is called, `elsewhere` where too many are to name them."""
        self._say = say
        self._later = later
        self._one = one
        self._elsewhere = elsewhere
        self._counts: dict[_Counted, _Count] = {}

    def add(self, origin: Hashable, user: str | None, sentence: str) -> None:
        """Say `sentence`, or count it where much was said. `user` is what somebody made up."""
        counted = origin if self._has_room_for(origin) else None
        is_first = counted not in self._counts
        if is_first:
            self._begin(counted)
        if is_first and counted is not None:
            self._say(sentence)
            return
        self._counts[counted].add(user)

    def _has_room_for(self, origin: Hashable) -> bool:
        return origin in self._counts or len(self._counts) < MOST_ORIGINS

    def _begin(self, counted: _Counted) -> None:
        self._counts[counted] = _Count(self._one)
        self._later(SECONDS_BETWEEN_LINES, lambda: self._sum_up(counted))

    def _sum_up(self, counted: _Counted) -> None:
        count = self._counts.pop(counted)
        if count.failures:
            self._begin(counted)
            self._say(f"{self._elsewhere if counted is None else counted}: {count}.")


def _counted(number: int, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"
