"""HTTP/1 with clients: where mitmproxy speaks it, and what is said and heard there.

Knows mitmproxy's layers. Must not know what a request means, nor the words of an answer.
"""

from collections.abc import Callable
from functools import partial

from mitmproxy import connection, ctx, http
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer, layers, tunnel
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import (  # type: ignore[attr-defined]  # as its own layers do
    ErrorCode,
    Http1Client,
    Http1Server,
    HttpEvent,
    HTTPMode,
    ReceiveHttp,
    RequestHeaders,
    RequestProtocolError,
    ResponseProtocolError,
)

from metahub.proxy import responses
from metahub.proxy.bounds.heads import Heads
from metahub.proxy.bounds.http1 import Bounded, BoundedClient, too_long
from metahub.proxy.failures import INTERIM, Failures
from metahub.proxy.itself import Itself

_OF_UPSTREAM = frozenset({ErrorCode.CONNECT_FAILED, ErrorCode.GENERIC_SERVER_ERROR})

_OF_CLIENT = RequestProtocolError.code


class Http1:
    """Has mitmproxy tell failures in our words, and us whether a request names a host."""

    def __init__(self, itself: Itself, failures: Failures, heads: Heads) -> None:
        self._itself = itself
        self._failures = failures
        self._heads = heads

    def running(self) -> None:
        """Speak HTTP/1 with upstream in our way: of this, mitmproxy asks nobody.

        https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/proxy/layers/http/__init__.py#L1207
        """
        _speak_with_upstream(partial(BoundedClient, self._heads.exceeded))

    def done(self) -> None:
        """Leave mitmproxy as it was."""
        _speak_with_upstream(Http1Client)

    def next_layer(self, next_layer: layer.NextLayer) -> None:
        """Speak HTTP/1 with clients in our way, where mitmproxy decides to speak HTTP."""
        ctx.master.addons.get("nextlayer").next_layer(next_layer)
        chosen = _http1(next_layer.layer)
        if chosen is None:
            return
        hear = _nothing if chosen.mode is HTTPMode.transparent else self._itself.hear
        server = _Http1Server(chosen.context.fork(), hear, self._failures.answer, self._heads)
        chosen.connections[chosen.context.client] = server


def _speak_with_upstream(way: Callable[[Context], Http1Client]) -> None:
    """Put it where mitmproxy takes it from."""
    http_layers.Http1Client = way  # type: ignore[attr-defined,assignment]  # it is called only


def _http1(chosen: layer.Layer | None) -> layers.HttpLayer | None:
    """The layer of HTTP, itself or at the end of a stack, if it is sure not to speak HTTP/2."""
    http_layer = chosen
    while isinstance(http_layer, tunnel.TunnelLayer):
        http_layer = http_layer.child_layer
    if not isinstance(http_layer, layers.HttpLayer):
        return None
    client = http_layer.context.client
    # With an `https://` proxy nothing but HTTP/1 is agreed upon.
    is_opened = http_layer is not chosen and http_layer.mode is HTTPMode.transparent
    is_yet_to_agree = is_opened and ctx.options.http2
    if client.alpn == b"h2" or client.transport_protocol != "tcp" or is_yet_to_agree:
        return None
    return http_layer


def _nothing(request: http.Request) -> None:
    """In a tunnel or a redirected connection, no request needs to name its host."""


type Hear = Callable[[http.Request], None]
"""Takes a request as it came, of which mitmproxy soon forgets whether it named a host.

https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/proxy/layers/http/__init__.py#L224-L262
"""

type Answer = Callable[[connection.Client, http.Request, str], http.Response]
"""What a client is answered whose request failed upstream, from how mitmproxy puts it."""


class _Http1Server(Bounded, Http1Server):
    """mitmproxy's own, but for what it forgets of requests, and says of failures of upstream."""

    def __init__(self, context: Context, hear: Hear, answer: Answer, heads: Heads) -> None:
        super().__init__(context)
        self._hear = hear
        self._answer = answer
        self._heads = heads

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        for command in super().read_headers(event):
            if isinstance(command, ReceiveHttp) and isinstance(command.event, RequestHeaders):
                self._heads.came(self.context.client)
                self._hear(command.event.request)
            yield command
        if self.state == self.read_headers and self.buf:
            self._heads.begun(self.context.client)

    def refuse(self) -> layer.CommandGenerator[None]:
        """Say why, and hear no more: one that is amidst something else knows better than that."""
        if self.request is not None:
            yield from self._fail(too_long())
            return
        self.state = self._refused
        self._heads.refused(self.context.client)
        answer = responses.headers_too_large(f"MetaHub: {too_long()}")
        yield commands.SendData(self.conn, http1.assemble_response(answer))

    def _refused(self, event: events.Event) -> layer.CommandGenerator[None]:
        self.buf.maybe_extract_at_most(len(self.buf))
        if isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.conn)

    def _fail(self, why: str) -> layer.CommandGenerator[None]:
        self.state = self.done
        yield commands.CloseConnection(self.conn)
        yield ReceiveHttp(RequestProtocolError(self.stream_id, why, _OF_CLIENT))

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Take trailers, which mitmproxy does not know, for the mistake of a client.

        Otherwise each would be a traceback in the log, and a connection that nobody closes.
        https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/proxy/layers/http/_http1.py#L115-L118
        """
        try:
            yield from super().read_body(event)
        except NotImplementedError as error:
            yield from self._fail(str(error))

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        asked = self.request
        if asked is None or not (isinstance(event, ResponseProtocolError) and self._is_news(event)):
            yield from super().send(event)
            return
        answer = self._answer(self.context.client, asked, event.message)
        answer.headers["Connection"] = "close"
        yield commands.SendData(self.conn, http1.assemble_response(answer))
        yield commands.CloseConnection(self.conn)

    def _is_news(self, failed: ResponseProtocolError) -> bool:
        """True if upstream failed a client that has no answer yet, and still reads one."""
        answered = self.response and self.response.status_code not in INTERIM
        reads = self.conn.state & connection.ConnectionState.CAN_WRITE
        return failed.code in _OF_UPSTREAM and bool(reads) and not answered
