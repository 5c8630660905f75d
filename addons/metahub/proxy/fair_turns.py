"""A few places for many who wait, in as many lines as there are keys.

Knows asyncio. Must not know what is done in a place.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Line:
    """Those who wait, in two groups."""

    first: deque[asyncio.Future[None]] = field(default_factory=deque)
    yielding: deque[asyncio.Future[None]] = field(default_factory=deque)

    def pop(self) -> asyncio.Future[None]:
        return (self.first or self.yielding).popleft()

    def __bool__(self) -> bool:
        return bool(self.first or self.yielding)


class FairTurns[Key: Hashable]:
    """Lets the first of each line in by turns: a long line does not delay another one."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._lines: dict[Key, _Line] = {}

    @asynccontextmanager
    async def turn(self, key: Key, *, yields: bool = False) -> AsyncIterator[None]:
        """Have a place, once it is the turn of the line of `key`.

        Whoever yields lets those of its line pass who do not.
        """
        if self._free:
            self._free -= 1
        else:
            await self._stand_in_line(key, yields)
        try:
            yield
        finally:
            self._next()

    async def _stand_in_line(self, key: Key, yields: bool) -> None:
        place = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(key, _Line())
        (line.yielding if yields else line.first).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was given, and not taken
                self._next()
            raise

    def _next(self) -> None:
        while self._lines:
            key = next(iter(self._lines))
            line = self._lines.pop(key)
            place = line.pop()
            if line:
                self._lines[key] = line  # behind all others
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
