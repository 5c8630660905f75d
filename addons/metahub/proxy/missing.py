"""Tags of variants that upstream did not have a moment ago.

Knows a clock. Must not know what a variant is.
"""

import time
from collections.abc import Callable

_MOST_REMEMBERED = 10_000


class Missing:
    """Remembers for some seconds what is not there, so that a herd of nodes does not ask again."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: dict[str, float] = {}

    def remember(self, name: str) -> None:
        """Take `name` for missing from now on."""
        self._until.pop(name, None)
        while len(self._until) >= _MOST_REMEMBERED:
            del self._until[next(iter(self._until))]
        self._until[name] = self._clock() + self._seconds

    def knows(self, name: str) -> bool:
        """True if `name` was missing less than those seconds ago."""
        return self._until.get(name, 0) > self._clock()
