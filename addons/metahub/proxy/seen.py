"""Who was let in, and when: kept for an operator who wants to know whose credentials are in use.

Knows users by name. Must not know how anybody is let in, nor what a store is made of.
"""

import asyncio
import logging
from collections.abc import Callable, Container
from datetime import UTC, datetime

from metahub.core.client import Client
from metahub.proxy.short_memory import ShortMemory
from metahub.proxy.store_in_use import StoreInUse
from metahub.store import StoreError

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN = 60.0
"""A user is kept no more often, nor a failure logged: each is a write to a disk."""

_SECONDS_TOGETHER = 0.25
"""All users who are seen within are kept at once."""


class Seen:
    """Keeps when users of the rules were let in last. If that fails, nobody has to wait for it."""

    def __init__(self, users: Callable[[], Container[str]], store: StoreInUse) -> None:
        self._users = users
        self._store = store
        self._lately = ShortMemory[str](_SECONDS_BETWEEN)
        self._told = ShortMemory[str](_SECONDS_BETWEEN)
        self._new: dict[str, datetime] = {}
        self._keeping: asyncio.Task[None] | None = None

    def let_in(self, client: Client) -> None:
        """Take note of a client, if it is a user of the rules."""
        user = client.user
        if user is None or self._lately.remembers(user) or user not in self._users():
            return
        self._lately.remember(user)
        self._new[user] = datetime.now(UTC)
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_all(), name="keep who was seen")

    def done(self) -> None:
        """Keep nothing more: the store closes next."""
        if self._keeping is not None:
            self._keeping.cancel()

    async def _keep_all(self) -> None:
        while self._new:
            await asyncio.sleep(_SECONDS_TOGETHER)
            new, self._new = self._new, {}
            try:
                await self._store.now().keep_seen(new)
            except StoreError as error:
                self._tell(str(error))
        self._keeping = None

    def _tell(self, why: str) -> None:
        if not self._told.remembers(why):
            self._told.remember(why)
            logger.warning(f"Who was seen is not kept: {why}.")
