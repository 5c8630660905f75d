"""What a client is told when its request failed upstream.

Knows how mitmproxy tells it. Must not know when a request counts as failed.
"""

from collections.abc import Callable
from weakref import WeakKeyDictionary

from mitmproxy import connection, ctx, http
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, layer, layers, tunnel
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (  # type: ignore[attr-defined]  # as its own layers do
    ErrorCode,
    Http1Server,
    HttpEvent,
    ResponseProtocolError,
)

from metahub.proxy import responses
from metahub.proxy.connections import end_upstream

_OF_UPSTREAM = frozenset({ErrorCode.CONNECT_FAILED, ErrorCode.GENERIC_SERVER_ERROR})
_INTERIM = range(100, 200)
_SWITCHING_PROTOCOLS = 101


class Failures:
    """Has errors of upstream told as registries tell theirs: mitmproxy itself sends a page."""

    def __init__(self) -> None:
        self._out_of_time: WeakKeyDictionary[connection.Client, str] = WeakKeyDictionary()

    def ran_out_of_time(self, client: connection.Client, message: str) -> None:
        """Let `message` be what the client is told when its request fails."""
        self._out_of_time[client] = message

    def next_layer(self, next_layer: layer.NextLayer) -> None:
        """Speak HTTP/1 with clients in our words, where mitmproxy decides to speak HTTP."""
        ctx.master.addons.get("nextlayer").next_layer(next_layer)
        chosen = _http1(next_layer.layer)
        if chosen is not None:
            server = _Http1Server(chosen.context.fork(), self._answer)
            chosen.connections[chosen.context.client] = server

    def response(self, flow: http.HTTPFlow) -> None:
        """Own up to what mitmproxy does not do: after an interim answer it waits for no other.

        The client would, and the next request on that connection would get what comes late.
        """
        status = flow.response.status_code if flow.response else _SWITCHING_PROTOCOLS
        if status not in _INTERIM or status == _SWITCHING_PROTOCOLS:
            return
        why = f"status {status}"
        flow.response = self._answer(flow.client_conn, flow.request, why)
        end_upstream(flow.client_conn, why)

    def _answer(self, client: connection.Client, request: http.Request, why: str) -> http.Response:
        message = self._out_of_time.pop(client, None)
        if message is not None:
            return responses.gateway_timeout(request, message)
        said = f"MetaHub: no answer from {request.pretty_host}: {why}"
        return responses.bad_gateway(request, said)


def _http1(chosen: layer.Layer | None) -> layers.HttpLayer | None:
    """The layer of HTTP, itself or at the end of a stack, if it is sure not to speak HTTP/2."""
    http_layer = chosen
    while isinstance(http_layer, tunnel.TunnelLayer):
        http_layer = http_layer.child_layer
    if not isinstance(http_layer, layers.HttpLayer):
        return None
    client = http_layer.context.client
    is_yet_to_agree = http_layer is not chosen and ctx.options.http2
    if client.alpn == b"h2" or client.transport_protocol != "tcp" or is_yet_to_agree:
        return None
    return http_layer


type Answer = Callable[[connection.Client, http.Request, str], http.Response]
"""What a client is answered whose request failed upstream, from how mitmproxy puts it."""


class _Http1Server(Http1Server):
    """mitmproxy's own, but for the words in which it says that upstream failed."""

    def __init__(self, context: Context, answer: Answer) -> None:
        super().__init__(context)
        self._answer = answer

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
        answered = self.response and self.response.status_code not in _INTERIM
        reads = self.conn.state & connection.ConnectionState.CAN_WRITE
        return failed.code in _OF_UPSTREAM and bool(reads) and not answered
