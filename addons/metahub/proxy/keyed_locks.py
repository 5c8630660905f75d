"""One lock for each key, for as long as somebody holds it or waits for it.

Knows asyncio. Must not know what is locked.
"""

import asyncio
from weakref import WeakValueDictionary


class KeyedLocks[Key]:
    """Lets one task at a time do the work of a key: the others find it done."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: Key) -> asyncio.Lock:
        """The lock of `key`, the same for all who ask while anybody has it."""
        return self._locks.setdefault(key, asyncio.Lock())
