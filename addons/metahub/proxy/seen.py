"""Who was let in, and when: kept for an operator who wants to know whose credentials are in use.

Knows users by name. Must not know how anybody is let in, nor what a store is made of.
"""

import asyncio
from collections.abc import Awaitable, Callable, Container, Sequence
from datetime import UTC, datetime

from metahub.core.client import Client
from metahub.proxy.kept_together import KeptTogether
from metahub.proxy.short_memory import ShortMemory
from metahub.proxy.store_in_use import StoreInUse

_SECONDS_BETWEEN = 60.0
"""A user is kept no more often: each time is a write to a disk."""


class Seen:
    """Keeps when users of the rules were let in last. If that fails, nobody has to wait for it."""

    def __init__(self, users: Callable[[], Container[str]], store: StoreInUse) -> None:
        self._users = users
        self._store = store
        self._lately = ShortMemory[str](_SECONDS_BETWEEN)
        self._kept = KeptTogether(self._keep, "Who was seen is not kept")

    def let_in(self, client: Client) -> None:
        """Take note of a client, if it is a user of the rules."""
        user = client.user
        if user is None or self._lately.remembers(user) or user not in self._users():
            return
        self._lately.remember(user)
        self._kept.add((user, datetime.now(UTC)))

    def done(self) -> Awaitable[None]:
        """Keep the last, and nothing more: the store closes next."""
        return asyncio.ensure_future(self._kept.finish())

    async def _keep(self, seen: Sequence[tuple[str, datetime]]) -> None:
        await self._store.now().keep_seen(dict(seen))
