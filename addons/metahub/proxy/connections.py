"""The connections that mitmproxy has open for a client, or is opening.

Knows where mitmproxy keeps them, and how one is ended. Must not know why.
"""

import fcntl
import select
import sys
import termios
from asyncio import StreamWriter
from collections.abc import Collection, Mapping
from typing import TypeGuard

from mitmproxy import connection, ctx
from mitmproxy.proxy.server import ConnectionHandler, ConnectionIO


def end_upstream(client: connection.Client, why: str) -> None:
    """End what is open to upstream on behalf of `client`, and what is being opened."""
    for peer, line in _lines(client).items():
        if isinstance(peer, connection.Server):
            _end(line, why)


def end(peer: connection.Connection, client: connection.Client, why: str) -> None:
    """End one of them, or that to `client` itself: over HTTP/2, others of it may be in use."""
    line = _lines(client).get(peer)
    if line is not None:
        _end(line, why)


def end_others(server: connection.Server, client: connection.Client, why: str) -> None:
    """End what is open to upstream on behalf of `client`, but for one."""
    for peer, line in _lines(client).items():
        if isinstance(peer, connection.Server) and peer is not server:
            _end(line, why)


def close_open(client: connection.Client) -> None:
    """Close what is open to the client itself, and on behalf of it, where mitmproxy has not."""
    for line in _lines(client).values():
        if line.writer is not None:
            line.writer.close()


def unsent(client: connection.Client) -> int:
    """How many bytes are handed on to upstream on behalf of `client`, which it has not yet taken.

    The kernel takes some megabytes at once: over a slow line a minute may pass until they are sent.
    """
    lines = _lines(client).items()
    writers = (line.writer for peer, line in lines if isinstance(peer, connection.Server))
    return sum(unsent_of(writer) for writer in writers if _is_open(writer))


def waiting_to_be_sent(client: connection.Client) -> int:
    """How many bytes the kernel has not yet taken, on the way to the client or to upstream.

    What it has taken, it sends, also when this process has ended.
    """
    writers = (line.writer for line in _lines(client).values())
    return sum(writer.transport.get_write_buffer_size() for writer in writers if _is_writer(writer))


def has_left(client: connection.Client) -> bool:
    """True if the client has closed its side, whether or not mitmproxy has come to read that."""
    line = _lines(client).get(client)
    if line is None or not _is_open(line.writer):
        return line is None
    poll = select.poll()  # that a connection was reset, it says unasked
    poll.register(line.writer.get_extra_info("socket").fileno(), select.POLLRDHUP)
    return bool(poll.poll(0))


def handlers() -> Collection[ConnectionHandler]:
    """What mitmproxy has for each client that is connected."""
    return tuple(ctx.master.addons.get("proxyserver").connections.values())


def unsent_by(handler: ConnectionHandler) -> int:
    """How many bytes are handed on to anybody for one client, who have not yet taken them."""
    writers = (line.writer for line in handler.transports.values())
    return sum(unsent_of(writer) for writer in writers if _is_open(writer))


def line_of(peer: connection.Connection, client: connection.Client) -> ConnectionIO | None:
    """What mitmproxy reads from `client`, or on behalf of it, and writes to; None if it is gone."""
    return _lines(client).get(peer)


def writer_of(peer: connection.Connection, client: connection.Client) -> StreamWriter | None:
    """What sends to `client`, or on behalf of it; None where no socket of ours does."""
    line = _lines(client).get(peer)
    return line.writer if line is not None and _is_open(line.writer) else None


def number_of_clients() -> int:
    """How many connections clients have open to the proxy."""
    return len(ctx.master.addons.get("proxyserver").connections)


def _lines(client: connection.Client) -> Mapping[connection.Connection, ConnectionIO]:
    """None of a client that has left, nor of a flow that is replayed."""
    mine = ctx.master.addons.get("proxyserver").connections.get(client.id)
    return mine.transports if mine else {}


def _is_open(writer: object) -> TypeGuard[StreamWriter]:
    """True if there is a socket to ask: what mitmproxy redirects by itself shows none."""
    return isinstance(writer, StreamWriter) and not writer.is_closing()


def _is_writer(writer: object) -> TypeGuard[StreamWriter]:
    """True for one of asyncio's, also if it only waits for the rest to be sent."""
    return isinstance(writer, StreamWriter)


def _end(line: ConnectionIO, why: str) -> None:
    if _is_open(line.writer):
        line.writer.transport.abort()  # or it would stay until upstream has taken what was sent
    # Cancelled twice, mitmproxy would not come to say that the connection failed.
    if line.handler is not None and not line.handler.cancelling():
        line.handler.cancel(why)


def unsent_of(writer: StreamWriter) -> int:
    """How many bytes it has been given that the other end has not yet taken.

    https://man7.org/linux/man-pages/man7/tcp.7.html, SIOCOUTQ
    """
    count = bytearray(4)
    fcntl.ioctl(writer.get_extra_info("socket").fileno(), termios.TIOCOUTQ, count)
    return writer.transport.get_write_buffer_size() + int.from_bytes(count, sys.byteorder)
