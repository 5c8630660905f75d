"""A store that is asked from the event loop, in threads of its own.

Knows threads and how long to wait for them. Must not know what is kept.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from metahub.core.content import Content
from metahub.core.decision import Decision
from metahub.core.digest import Digest
from metahub.store import KeptAnswer, KeptDecision, Store, StoreError

# A file that another program has locked holds its threads for LOCK_TIMEOUT_SECONDS each. They are
# not asyncio's own, which resolve names for every connection, those of layers too.
_THREADS = 8
_SECONDS = 10.0


class StoreThreads:
    """The methods of a store, to be awaited. Each may raise StoreError, also when it takes long."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="metahub-store")

    async def index(self, digest: Digest) -> Content | None:
        """The upstream index `digest` (`D`); None if it was never kept."""
        return await self._in_time(self._store.index, digest)

    async def keep_index(self, digest: Digest, content: Content) -> None:
        """Keep an upstream index."""
        await self._in_time(self._store.keep_index, digest, content)

    async def answer(self, digest: Digest) -> KeptAnswer | None:
        """The index of ours `digest` (`D'`); None if it was never kept."""
        return await self._in_time(self._store.answer, digest)

    async def keep_answer(self, digest: Digest, content: Content, upstream: Digest) -> None:
        """Keep an index of ours that was made of `upstream`."""
        await self._in_time(self._store.keep_answer, digest, content, upstream)

    async def keep_seen(self, seen: Mapping[str, datetime]) -> None:
        """Keep when users were seen."""
        await self._in_time(self._store.keep_seen, seen)

    async def keep_decisions(self, decisions: Sequence[Decision], most: int) -> None:
        """Keep these decisions, and the `most` newest of all."""
        await self._in_time(self._store.keep_decisions, decisions, most)

    async def keep_used(self, used: Mapping[Digest, datetime]) -> None:
        """Keep when indexes were used last."""
        await self._in_time(self._store.keep_used, used)

    async def forget_unused(self, before: datetime, most: int) -> int:
        """Forget some indexes that were not used since; how many went."""
        return await self._in_time(self._store.forget_unused, before, most)

    async def size(self) -> float:
        """The bytes of the store."""
        return await self._in_time(self._store.size)

    async def seen(self) -> Mapping[str, datetime]:
        """When each user was seen last."""
        return await self._in_time(self._store.seen)

    async def decisions(self, after: int | None, most: int) -> Sequence[KeptDecision]:
        """The first `most` decisions beyond the place `after`; without it, the newest."""
        return await self._in_time(self._store.decisions, after, most)

    def close(self) -> None:
        """Close the store, after what it is at. Nothing can be asked of it afterwards."""
        self._threads.shutdown(cancel_futures=True)
        self._store.close()

    async def _in_time[**Asked, Kept](
        self, ask: Callable[Asked, Kept], *asked: Asked.args, **named: Asked.kwargs
    ) -> Kept:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_SECONDS):
                return await loop.run_in_executor(self._threads, lambda: ask(*asked, **named))
        except TimeoutError as error:
            why = f"it said nothing for {_SECONDS:.0f} seconds: look after its disk and its locks"
            raise StoreError(why) from error
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            raise StoreError("it was closed before it was asked") from error


def _is_cancelled() -> bool:
    """True if nobody wants to know any more; otherwise it is the store that was closed."""
    task = asyncio.current_task()
    return task is None or bool(task.cancelling())
