"""How long a client may take to say what it wants.

Knows when a client owes the head of a request, or a TLS handshake. Must not know what it says.
"""

from collections.abc import Callable

from mitmproxy import connection, ctx, http, tls
from mitmproxy.proxy import layer, layers

from metahub.proxy.connections import end
from metahub.proxy.metrics import Bound
from metahub.proxy.timers import Timers

_FAREWELL_SECONDS = 2.0
"""In which a client may read why it is refused. Closed at once, what it still sends resets that."""

type Exceeded = Callable[[Bound], object]
"""Takes the bound that somebody exceeded."""


class Heads:
    """Ends the connections of clients that do not come to the point.

    One that has said something before may be silent, for as long as mitmproxy's `tcp_timeout`.
    """

    def __init__(self, exceeded: Exceeded) -> None:
        self.exceeded = exceeded
        self._owed = Timers[connection.Client]()

    def client_connected(self, client: connection.Client) -> None:
        """Nobody connects to say nothing."""
        if client.transport_protocol == "tcp":
            self._owe(client)

    def http_connected(self, flow: http.HTTPFlow) -> None:
        """Nor does anybody open a tunnel for that."""
        self._owe(flow.client_conn)

    def tls_clienthello(self, hello: tls.ClientHelloData) -> None:
        """What is not read has come to the point."""
        if hello.ignore_connection:
            self.came(hello.context.client)

    def tls_established_client(self, established: tls.TlsData) -> None:
        """A handshake costs the client something, too."""
        self.came(established.context.client)

    def next_layer(self, next_layer: layer.NextLayer) -> None:
        """What is not HTTP has no head."""
        if isinstance(next_layer.layer, layers.TCPLayer):
            self.came(next_layer.context.client)

    def client_disconnected(self, client: connection.Client) -> None:
        """It owes nothing any more."""
        self.came(client)

    def begun(self, client: connection.Client) -> None:
        """There is a part of a head; when the first part came is what counts."""
        if client not in self._owed:
            self._owe(client)

    def came(self, client: connection.Client) -> None:
        """What was owed is there."""
        self._owed.cancel(client)

    def refused(self, client: connection.Client) -> None:
        """The head is too long, and the client is told so."""
        self.exceeded(Bound.HEAD_BYTES)
        self._owed.set(client, _FAREWELL_SECONDS, lambda: end(client, client, "refused"))

    def _owe(self, client: connection.Client) -> None:
        self._owed.set(client, ctx.options.metahub_head_seconds, lambda: self._give_up(client))

    def _give_up(self, client: connection.Client) -> None:
        self.exceeded(Bound.HEAD_SECONDS)
        end(client, client, "no request")
