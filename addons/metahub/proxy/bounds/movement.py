"""Whether anything moves: between a client and upstream, and on what is closed and not yet sent.

Knows how much waits to be sent. Must not know what it is.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from mitmproxy import connection, ctx
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from metahub.proxy.connections import handlers, unsent_by, unsent_of, writer_of

_LOOKS = 4
"""So many in the time that mitmproxy's `tcp_timeout` gives: what stands still gets so much more."""


@dataclass(slots=True)
class _Left:
    """What mitmproxy has closed, while something of it is not yet sent."""

    unsent: int
    looks: int = 0
    """How often it was looked at, since any of that moved."""


class Movement:
    """Sees to it that mitmproxy's `tcp_timeout` ends what stands still, and nothing else.

    mitmproxy takes for movement what it reads. While a slow line carries the megabytes that the
    kernel has taken at once, it reads nothing, and would end what moves. What it has ended it
    leaves to asyncio, which holds it until the last byte is sent, be that never.
    """

    def __init__(self) -> None:
        self._writers = WeakKeyDictionary[connection.Connection, asyncio.StreamWriter]()
        self._unsent = WeakKeyDictionary[Hashable, int]()
        self._left: dict[asyncio.StreamWriter, _Left] = {}
        self._next: asyncio.TimerHandle | None = None

    def running(self) -> None:
        """Look now and then."""
        seconds = max(1, ctx.options.tcp_timeout) / _LOOKS
        self._next = asyncio.get_running_loop().call_later(seconds, self.running)
        self._look_at_open()
        self._look_at_left()

    def done(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()

    def client_connected(self, client: connection.Client) -> None:
        """It may be left with something to be sent."""
        self._remember(client, client)

    def server_connected(self, connected: ServerConnectionHookData) -> None:
        """So may upstream."""
        self._remember(connected.server, connected.client)

    def client_disconnected(self, client: connection.Client) -> None:
        """Mitmproxy is done with it."""
        self._leave(client)

    def server_disconnected(self, disconnected: ServerConnectionHookData) -> None:
        """It is done with that one, too."""
        self._leave(disconnected.server)

    def _remember(self, peer: connection.Connection, client: connection.Client) -> None:
        writer = writer_of(peer, client)
        if writer is not None:
            self._writers[peer] = writer

    def _leave(self, peer: connection.Connection) -> None:
        writer = self._writers.pop(peer, None)
        if writer is not None and writer.transport.get_write_buffer_size():
            self._left[writer] = _Left(unsent_of(writer))

    def _look_at_open(self) -> None:
        """Have mitmproxy wait for what it does not see move."""
        for handler in handlers():
            unsent = unsent_by(handler)
            if unsent != self._unsent.get(handler, 0):
                handler.timeout_watchdog.register_activity()
            self._unsent[handler] = unsent

    def _look_at_left(self) -> None:
        for writer, left in list(self._left.items()):
            if not writer.transport.get_write_buffer_size():
                del self._left[writer]
                continue
            unsent = unsent_of(writer)
            left.looks = left.looks + 1 if unsent == left.unsent else 0
            left.unsent = unsent
            if left.looks >= _LOOKS:
                writer.transport.abort()
