"""What nobody has used for long is forgotten, so that a store does not grow for ever.

Knows for how long. Must not know what a store is made of, nor what counts as a use.
"""

import asyncio
import logging
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

from mitmproxy import ctx, exceptions

from metahub.config import KEEP_ANSWERS_DAYS
from metahub.proxy.store_in_use import StoreInUse
from metahub.proxy.uses import Uses
from metahub.store import NOTED_AGAIN, StoreError

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN = 3600.0

_AT_ONCE = 100
"""Of each kind: whoever wants to write meanwhile waits for no more than these."""

_PAUSE = 0.1

_MOST_DAYS = 36_500

# The store notes no use so soon after the last, and a proxy asks it no sooner than that, either;
# and clocks differ.
_LEEWAY = 2 * NOTED_AGAIN + timedelta(hours=1)


class Pruning:
    """Forgets at the start, and every hour. Several instances may, none waits for another."""

    def __init__(self, store: StoreInUse, uses: Uses) -> None:
        self._store = store
        self._uses = uses
        self._going_on: asyncio.Task[None] | None = None

    def configure(self, updated: set[str]) -> None:
        """Insist on a number of days."""
        days = ctx.options.metahub_keep_answers_days
        if KEEP_ANSWERS_DAYS.name in updated and not 0 <= days <= _MOST_DAYS:
            why = f"{KEEP_ANSWERS_DAYS.name}: expected 0 to {_MOST_DAYS}"
            raise exceptions.OptionsError(why)

    def running(self) -> None:
        """Begin, in the background."""
        self._going_on = asyncio.create_task(self._go_on(), name="forget what nobody uses")

    def done(self) -> Awaitable[None]:
        """Forget nothing more, and note the last use: the store closes next."""
        if self._going_on is not None:
            self._going_on.cancel()
        return asyncio.ensure_future(self._uses.finish())

    async def prune(self) -> None:
        """Forget all that was not used for those days, a few at a time."""
        days = ctx.options.metahub_keep_answers_days
        if not days:
            return
        before = datetime.now(UTC) - timedelta(days=days) - _LEEWAY
        try:
            await self._uses.settle()
            await self._forget(before)
        except StoreError as error:
            logger.warning(f"What nobody uses is not forgotten: {error}.")

    async def _forget(self, before: datetime) -> None:
        while True:
            gone = await self._store.now().forget_unused(before, _AT_ONCE)
            if not gone:
                return
            await asyncio.sleep(_PAUSE)

    async def _go_on(self) -> None:
        while True:
            await self.prune()
            await asyncio.sleep(_SECONDS_BETWEEN)
