"""Decisions, kept in the store for whoever asks later, of whichever instance.

Knows how often, and how many. Must not know what a store is made of, nor what is decided.
"""

import asyncio
import logging
from collections import deque

from mitmproxy import ctx, exceptions, http

from metahub.config import KEEP_DECISIONS
from metahub.core.decision import Decision
from metahub.proxy.short_memory import ShortMemory
from metahub.proxy.store_in_use import StoreInUse
from metahub.store import Content, StoreError

logger = logging.getLogger(__name__)

_SECONDS_TOGETHER = 0.25
"""All decisions that are made within are kept at once: each time is a write to a disk."""

_MOST_WAITING = 10_000
"""Beyond these, the oldest that wait for a slow store are not kept."""

_SECONDS_BETWEEN_COMPLAINTS = 60.0


class KeptDecisions:
    """Keeps decisions in the background. If that fails, no answer has to wait for it."""

    def __init__(self, store: StoreInUse) -> None:
        self._store = store
        self._waiting: deque[Decision] = deque(maxlen=_MOST_WAITING)
        self._keeping: asyncio.Task[None] | None = None
        self._told = ShortMemory[str](_SECONDS_BETWEEN_COMPLAINTS)

    def configure(self, updated: set[str]) -> None:
        """Insist on a number."""
        if KEEP_DECISIONS.name in updated and ctx.options.metahub_keep_decisions < 1:
            raise exceptions.OptionsError(f"{KEEP_DECISIONS.name}: expected no less than 1")

    def told(self, _: http.HTTPFlow | None, decision: Decision, __: Content | None) -> None:
        """Keep it, soon."""
        self._waiting.append(decision)
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_all(), name="keep decisions")

    def done(self) -> None:
        """Keep nothing more: the store closes next."""
        if self._keeping is not None:
            self._keeping.cancel()

    async def _keep_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(_SECONDS_TOGETHER)
            together = list(self._waiting)
            self._waiting.clear()
            try:
                most = ctx.options.metahub_keep_decisions
                await self._store.now().keep_decisions(together, most)
            except StoreError as error:
                self._complain(str(error))
        self._keeping = None

    def _complain(self, why: str) -> None:
        if not self._told.remembers(why):
            self._told.remember(why)
            logger.warning(f"Decisions are not kept: {why}.")
