"""Timers, one at a time for each key.

Knows the event loop. Must not know what is waited for.
"""

import asyncio
from collections.abc import Callable, Hashable


class Timers[Key: Hashable]:
    """What is to be done later, unless it is done with before: then nothing of it is kept."""

    def __init__(self) -> None:
        self._running: dict[Key, asyncio.TimerHandle] = {}

    def set(self, key: Key, seconds: float, then: Callable[[], object]) -> None:
        """Do `then` after some seconds, instead of what was to be done for `key`."""
        self.cancel(key)
        loop = asyncio.get_running_loop()
        self._running[key] = loop.call_later(seconds, self._due, key, then)

    def cancel(self, key: Key) -> None:
        """Do nothing for `key`; it need not be there."""
        timer = self._running.pop(key, None)
        if timer is not None:
            timer.cancel()

    def __contains__(self, key: Key) -> bool:
        """True while something is to be done for `key`."""
        return key in self._running

    def __len__(self) -> int:
        return len(self._running)

    def _due(self, key: Key, then: Callable[[], object]) -> None:
        del self._running[key]
        then()
