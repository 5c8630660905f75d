"""When indexes of the store were used last: what nobody uses for long is forgotten.

Knows how seldom that has to be noted. Must not know who used them, nor when it is too long.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from metahub.core.digest import Digest
from metahub.proxy.kept_together import KeptTogether
from metahub.proxy.short_memory import ShortMemory
from metahub.proxy.store_in_use import StoreInUse
from metahub.store import NOTED_AGAIN


class Uses:
    """Notes uses in the background; no answer has to wait for it."""

    def __init__(self, store: StoreInUse) -> None:
        self._store = store
        self._lately = ShortMemory[Digest](NOTED_AGAIN.total_seconds())
        self._kept = KeptTogether(self._keep, "What was used is not noted")
        self._owed: dict[Digest, datetime] = {}

    def note(self, digest: Digest) -> None:
        """The index, of either kind, is used now."""
        if not self._lately.remembers(digest):
            self._lately.remember(digest)
            self._kept.add((digest, datetime.now(UTC)))

    def was_kept(self, digest: Digest) -> None:
        """The store has just been told of an index itself, which it takes for a use."""
        self._lately.remember(digest)

    async def settle(self) -> None:
        """Note what could not be noted when it was time. Raises StoreError."""
        await self._keep(())

    async def finish(self) -> None:
        """Note the last, and nothing more: the store closes next."""
        await self._kept.finish()

    async def _keep(self, used: Sequence[tuple[Digest, datetime]]) -> None:
        self._owed |= dict(used)
        paying = dict(self._owed)
        await self._store.now().keep_used(paying)
        self._owed = {one: at for one, at in self._owed.items() if paying.get(one) != at}
