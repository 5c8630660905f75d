"""A server inside the test's own process, in a thread and an event loop of its own.

Knows how it listens and ends. Must not know what it answers.
"""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from concurrent.futures import Future
from ssl import SSLContext
from typing import Self

from aiohttp import web

from metahub.demo.address import LOOPBACK, Address

FAREWELL = 0.02  # seconds in which TLS connections that were cut close


class ServerInThread(ABC):
    """Listens as long as the `with` lasts, on a port of its own choice."""

    def __init__(self, tls: SSLContext | None, host: str) -> None:
        """Serve TLS, or plain HTTP without a context, under this name of loopback."""
        self._tls, self._host = tls, host
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        port = self._run(self._listen()).result()
        self.address = Address(self._host, port, "https" if self._tls else "http")
        return self

    def __exit__(self, *_: object) -> None:
        """Cut what still runs."""
        self._run(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @abstractmethod
    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to any request."""

    def _run[T](self, work: Coroutine[object, object, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _listen(self) -> int:
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0, ssl_context=self._tls).start()
        port: int = self._runner.addresses[0][1]
        return port

    async def _end(self) -> None:
        await self._runner.cleanup()
        slow = asyncio.all_tasks() - {asyncio.current_task()}
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        await asyncio.sleep(FAREWELL)
