"""A wire that breaks: passes bytes on to a server, and cuts a connection once.

Knows sockets. Must not know what passes.
"""

import asyncio
import contextlib
import threading
from typing import Self

from metahub.demo.address import LOOPBACK, Address

PIECE = 64 * 1024


class Relay:
    """Stands before a server under the same name, as long as its `with` lasts.

    The first connection that brought more than `cut_after` bytes from the server is cut there.
    """

    def __init__(self, server: Address, cut_after: int) -> None:
        self.cuts = 0
        self._server, self._cut_after = server, cut_after
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        port = self._listening.sockets[0].getsockname()[1]
        self.address = Address(self._server.host, port, self._server.scheme)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._connected, LOOPBACK, 0)

    async def _end(self) -> None:
        self._listening.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        from_server, to_server = await asyncio.open_connection(LOOPBACK, self._server.port)
        up = asyncio.ensure_future(self._pass(from_client, to_server, None))
        try:
            await self._pass(from_server, to_client, self._cut_after)
        finally:
            up.cancel()
            to_server.transport.abort()
            to_client.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, limit: int | None
    ) -> None:
        passed = 0
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(PIECE):
                passed += len(piece)
                if limit is not None and passed > limit and not self.cuts:
                    self.cuts += 1
                    return
                target.write(piece)
                await target.drain()
