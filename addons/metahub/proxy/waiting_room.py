"""Who waits, and how many of them there may be.

Knows numbers. Must not know what is waited for.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class WaitingRoom[Key: Hashable]:
    """Seats for so many, of which nobody can have all."""

    def __init__(self, seats: int) -> None:
        self._seats = seats
        self._taken = Counter[Key]()

    def has_room_for(self, key: Key) -> bool:
        """True while those of `key` are fewer than the seats that are left for all others.

        So one alone may have half of the seats, two a third each, and whoever is new some.
        """
        return self._taken[key] < self._seats - len(self)

    @contextmanager
    def seat(self, key: Key) -> Iterator[None]:
        """Have a seat for as long as that takes."""
        self._taken[key] += 1
        try:
            yield
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]

    def __len__(self) -> int:
        return self._taken.total()
