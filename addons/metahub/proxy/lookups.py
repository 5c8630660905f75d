"""Names that clients want to be connected with, turned into addresses.

Knows threads, and whose turn it is. Must not know where anybody is led.
"""

import asyncio
import socket
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

# A name server that says nothing holds a thread for ten seconds and more. They are not asyncio's
# own, by which the names of registries are resolved and large indexes are judged.
_THREADS = 128
_OF_ONE = 16
_SECONDS = 10.0


class Lookups:
    """Lets nobody wait for the names of another: an address has some threads, and no more."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="metahub-names")
        self._places: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()

    async def of(self, origin: Hashable, host: str, port: int | None, **how: Any) -> Any:
        """As the event loop's `getaddrinfo`. Raises OSError, also where it takes long."""
        looking = asyncio.ensure_future(self._found(origin, host, port, how))
        looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        async with asyncio.timeout(_SECONDS):
            return await asyncio.shield(looking)  # a thread that waits keeps its place

    def close(self) -> None:
        """Look nothing more up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _found(
        self, origin: Hashable, host: str, port: int | None, how: dict[str, Any]
    ) -> Any:
        place = self._places.setdefault(origin, asyncio.Semaphore(_OF_ONE))
        async with place:
            ask = partial(socket.getaddrinfo, host, port, **how)
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
