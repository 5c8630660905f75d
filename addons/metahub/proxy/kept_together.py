"""What is kept in the store in the background, together with all else that comes soon.

Knows how often. Must not know what is kept.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from metahub.proxy.short_memory import ShortMemory
from metahub.store import StoreError

logger = logging.getLogger(__name__)

_SECONDS_TOGETHER = 0.25
"""Whatever comes within is kept at once: each time is a write to a disk."""

_SECONDS_TO_FINISH = 1.0

_SECONDS_BETWEEN_COMPLAINTS = 60.0

_MOST_WAITING = 10_000
"""Beyond these, the oldest that wait for a slow store are not kept."""


class KeptTogether[One]:
    """Keeps things soon. If that fails, nobody has to wait for it."""

    def __init__(self, keep: Callable[[Sequence[One]], Awaitable[None]], complaint: str) -> None:
        """`keep` may raise StoreError; `complaint` is what the log says then, before the reason."""
        self._keep = keep
        self._complaint = complaint
        self._waiting: deque[One] = deque(maxlen=_MOST_WAITING)
        self._keeping: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._told = ShortMemory[str](_SECONDS_BETWEEN_COMPLAINTS)

    def add(self, one: One) -> None:
        """Keep it, soon."""
        self._waiting.append(one)
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_all(), name=self._complaint)

    async def finish(self) -> None:
        """Keep what waits, and nothing more: the store closes next. A slow one is left alone."""
        self._ending.set()
        keeping = self._keeping
        if keeping is not None:
            await asyncio.wait([keeping], timeout=_SECONDS_TO_FINISH)
            keeping.cancel()

    async def _keep_all(self) -> None:
        try:
            while self._waiting:
                await self._keep_next()
        finally:
            self._keeping = None

    async def _keep_next(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), _SECONDS_TOGETHER)
        together = list(self._waiting)
        self._waiting.clear()
        try:
            await self._keep(together)
        except StoreError as error:
            self._complain(str(error))

    def _complain(self, why: str) -> None:
        if not self._told.remembers(why):
            self._told.remember(why)
            logger.warning(f"{self._complaint}: {why}.")
