"""The store that the running proxy keeps things in.

Knows the option that names its file. Must not know what is kept.
"""

import math
from pathlib import Path

from mitmproxy import ctx, exceptions

from metahub.config import STORE
from metahub.core.digest import Digest
from metahub.proxy.store_threads import StoreThreads
from metahub.store import SqlStore, StoreError

_NOTHING = Digest.of(b"")


class StoreInUse:
    """Opens the store when mitmproxy is configured, and another one when it is configured anew."""

    def __init__(self) -> None:
        self._store: StoreThreads | None = None

    def now(self) -> StoreThreads:
        """The store of this moment. Raises StoreError before there is one, and after the end."""
        if self._store is None:
            raise StoreError("it is not opened")
        return self._store

    async def ask(self) -> None:
        """Ask for anything at all. Raises StoreError where there is no answer."""
        await self.now().index(_NOTHING)

    def size(self) -> float:
        """The bytes of the file and of what is not yet merged into it; NaN without a file."""
        file = Path(ctx.options.metahub_store).expanduser()
        ahead = file.with_name(f"{file.name}-wal")  # https://www.sqlite.org/wal.html#the_wal_file
        try:
            return file.stat().st_size + (ahead.stat().st_size if ahead.exists() else 0)
        except OSError:
            return math.nan

    def configure(self, updated: set[str]) -> None:
        """Open the file, or stop mitmproxy from starting without any."""
        if STORE.name not in updated:
            return
        try:
            store = StoreThreads(SqlStore.at(Path(ctx.options.metahub_store).expanduser()))
        except StoreError as error:
            raise exceptions.OptionsError(f"The store cannot be used. {error}") from error
        self.done()
        self._store = store

    def done(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None
