"""What was so a moment ago, and need not be asked again.

Knows a clock. Must not know what is remembered.
"""

import time
from collections.abc import Callable, Hashable

_MOST_REMEMBERED = 10_000


class ShortMemory[Key: Hashable]:
    """Remembers keys for some seconds, so that a herd of nodes does not ask for the same again."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: dict[Key, float] = {}

    def remember(self, key: Key) -> None:
        """Remember `key` from now on; the oldest is forgotten where there are too many."""
        self._until.pop(key, None)
        while len(self._until) >= _MOST_REMEMBERED:
            del self._until[next(iter(self._until))]
        self._until[key] = self._clock() + self._seconds

    def remembers(self, key: Key) -> bool:
        """True if `key` was remembered less than those seconds ago."""
        return self._until.get(key, 0) > self._clock()
