"""The store that the running proxy keeps things in.

Knows the option that says where it is. Must not know what is kept.
"""

import asyncio
import math

from mitmproxy import ctx, exceptions

from metahub.config import STORE
from metahub.core.digest import Digest
from metahub.proxy.store_threads import StoreThreads
from metahub.store import SqlStore, StoreError, described, parse_location, public

_NOTHING = Digest.of(b"")


class StoreInUse:
    """Opens the store when mitmproxy is configured, and another one when it is configured anew."""

    def __init__(self) -> None:
        self._store: StoreThreads | None = None
        self._shown: str | None = None
        self._size = math.nan
        self._measuring: asyncio.Task[None] | None = None

    def now(self) -> StoreThreads:
        """The store of this moment. Raises StoreError before there is one, and after the end."""
        if self._store is None:
            raise StoreError("it is not opened")
        return self._store

    async def ask(self) -> None:
        """Ask for anything at all. Raises StoreError where there is no answer."""
        await self.now().index(_NOTHING)

    def described(self) -> str:
        """What it is, and where, for a person."""
        return described(parse_location(ctx.options.metahub_store))

    def size(self) -> float:
        """Its bytes when this was asked before, or at the start, so that nobody waits for it.

        NaN where there is no store, or none that says it.
        """
        if self._store is not None and (self._measuring is None or self._measuring.done()):
            self._measuring = asyncio.create_task(self._measure(self._store))
        return self._size

    async def _measure(self, store: StoreThreads) -> None:
        try:
            self._size = await store.size()
        except StoreError:
            self._size = math.nan

    def configure(self, updated: set[str]) -> None:
        """Open the store, or stop mitmproxy from starting without any."""
        text = ctx.options.metahub_store
        if STORE.name not in updated or text == self._shown:
            return
        try:
            location = parse_location(text)
            store = SqlStore.at(location)
            size = store.size()
        except StoreError as error:
            raise exceptions.OptionsError(f"The store cannot be used. {error}") from error
        self.done()
        self._store, self._size = StoreThreads(store), size
        self._shown = public(location)
        if self._shown is not None:  # mitmproxy's tools show options to whoever uses them
            ctx.options.update(**{STORE.name: self._shown})

    def done(self) -> None:
        """Close the store, which is not to be measured any more."""
        if self._measuring is not None:
            self._measuring.cancel()
        if self._store is not None:
            self._store.close()
            self._store, self._size, self._shown = None, math.nan, None
