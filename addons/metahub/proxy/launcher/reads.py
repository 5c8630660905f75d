"""How much of what a connection has for us is taken at a time.

Knows where mitmproxy keeps what it reads from. Must not know what is read.
"""

import asyncio

from mitmproxy import connection
from mitmproxy.proxy.server import ConnectionIO
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from metahub.proxy.connections import line_of

# As much as asyncio takes from the kernel:
# https://github.com/python/cpython/blob/v3.13.0/Lib/asyncio/selector_events.py#L762
MOST_BYTES = 256 * 1024


class Reads:
    """Has mitmproxy take more than the 65,535 bytes that it asks for.

    https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/proxy/server.py#L305
    """

    def client_connected(self, client: connection.Client) -> None:
        """Before mitmproxy begins to read what a client sends."""
        widen(line_of(client, client))

    def server_connected(self, connecting: ServerConnectionHookData) -> None:
        """Before it begins to read what upstream answers."""
        widen(line_of(connecting.server, connecting.client))


class WideReader:
    """A reader that gives more than it is asked for."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def read(self, _: int) -> bytes:
        """What there is, when there is anything; nothing at the end."""
        return await self._reader.read(MOST_BYTES)


def widen(line: ConnectionIO | None) -> None:
    """Read in this way from now on; what is gone, or not read by asyncio, stays as it is."""
    if line is not None and isinstance(line.reader, asyncio.StreamReader):
        line.reader = WideReader(line.reader)  # type: ignore[assignment]  # mitmproxy only reads of it
