"""HTTP/1 of which no more is held than a head may be long, from clients and from upstream.

Knows mitmproxy's layers. Must not know what a head says.
"""

import re
from abc import abstractmethod

from mitmproxy import ctx
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (  # type: ignore[attr-defined]  # as its own layers do
    ErrorCode,
    Http1Client,
    ReceiveHttp,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._http1 import Http1Connection

from metahub.proxy.bounds.heads import Exceeded
from metahub.proxy.metrics import Bound

_HEAD_END = re.compile(rb"\n\r?\n")


def too_long() -> str:
    """The sentence for whoever sends more of a head than may be."""
    return f"more than {_most()} bytes of headers"


class Bounded(Http1Connection):
    """Refuses what is longer, before anybody looks for its end.

    mitmproxy holds a head, the line before a chunk and what comes before its turn however long
    they are: https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/proxy/layers/http/_http1.py#L281
    """

    @abstractmethod
    def refuse(self) -> layer.CommandGenerator[None]:
        """Read no more."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.DataReceived) and self._has_no_end_with(event.data):
            yield from self.refuse()
            return
        yield from super()._handle_event(event)
        if len(self.buf) > _most() and self.state != self.done:
            yield from self.refuse()

    def _has_no_end_with(self, data: bytes) -> bool:
        if self.state != self.read_headers or len(self.buf) + len(data) <= _most():
            return False
        return _HEAD_END.search((bytes(self.buf) + data)[: _most()]) is None


class BoundedClient(Bounded, Http1Client):
    """Of upstream's answers."""

    def __init__(self, exceeded: Exceeded, context: Context) -> None:
        super().__init__(context)
        self._exceeded = exceeded

    def refuse(self) -> layer.CommandGenerator[None]:
        """End the connection, and have the client told."""
        self._exceeded(Bound.HEAD_BYTES)
        self.state = self.done
        yield commands.CloseConnection(self.conn)
        if self.stream_id is not None:
            code = ErrorCode.GENERIC_SERVER_ERROR
            yield ReceiveHttp(ResponseProtocolError(self.stream_id, too_long(), code))


def _most() -> int:
    return int(ctx.options.metahub_head_bytes)
