"""The store in threads: what those are told who wait for one of them."""

import asyncio
import threading

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.proxy.store_threads import StoreThreads
from metahub.store import MemoryStore, StoreError

ALL_THREADS = 8


class Busy(MemoryStore):
    """A store that takes its time, and then has nothing."""

    def index(self, digest: Digest) -> Content | None:
        """Nothing, after a while."""
        threading.Event().wait(0.1)
        return super().index(digest)


async def test_a_store_that_is_closed_fails_those_who_wait_for_it() -> None:
    """Or a client that is still there would be taken for one that has left, and pass unseen."""
    threads = StoreThreads(Busy())
    asking = [asyncio.ensure_future(threads.index(Digest.of(b""))) for _ in range(ALL_THREADS + 1)]
    await asyncio.sleep(0)
    threads.close()
    *served, told = await asyncio.gather(*asking, return_exceptions=True)
    assert served == [None] * ALL_THREADS
    assert isinstance(told, StoreError)
    assert str(told) == "it was closed before it was asked"


async def test_who_no_longer_waits_for_it_is_told_nothing() -> None:
    """That is not the store's failure."""
    threads = StoreThreads(Busy())
    asking = asyncio.ensure_future(threads.index(Digest.of(b"")))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    assert asking.cancelled()
    threads.close()
