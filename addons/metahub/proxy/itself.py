"""The proxy itself, as somebody whom clients ask.

Knows by what a request is one to the proxy. Must not know who asks, nor what is answered.
"""

from weakref import WeakSet

from mitmproxy import connection, http

from metahub.core.client import parse_address
from metahub.proxy.guessing import origin_of
from metahub.proxy.lookups import Lookups
from metahub.proxy.modes import is_explicit, is_redirected

HOST = "metahub.internal"
"""The name by which a client asks the proxy itself through the proxy. It has no address."""

_SCHEME, _PORT = "http", 80


def is_itself(host: str) -> bool:
    """True for the name of the proxy, however it is written."""
    return host.lower().rstrip(".") == HOST


class Itself:
    """Tells the requests that are for the proxy from those that are for others."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._direct: WeakSet[http.Request] = WeakSet()

    def hear(self, request: http.Request) -> None:
        """Look at a request as it came to a proxy: one that names no host is for the proxy itself.

        mitmproxy would send it to where its `Host` header says, which is here again.
        https://www.rfc-editor.org/rfc/rfc9112#section-3.2
        """
        if request.host:
            return
        self._direct.add(request)
        # Not by the properties, which write over the Host header that the client sent.
        request.data.scheme = _SCHEME.encode()
        request.data.host, request.data.port = HOST, _PORT

    def is_asked_directly(self, flow: http.HTTPFlow) -> bool:
        """True for a request to the port of the proxy, as to any server."""
        return flow.request in self._direct

    async def is_asked(self, flow: http.HTTPFlow) -> bool:
        """True for those, and for requests to it that come the way of all others.

        Programs that are told of a proxy ask it for its own address too.
        """
        client, request = flow.client_conn, flow.request
        if self.is_asked_directly(flow):
            return True
        if is_redirected(client):
            return is_itself(request.pretty_host)
        if is_itself(request.host):
            return True
        # What is asked over TLS is asked of a registry: its name is not looked up for each request.
        is_plain = is_explicit(client) and request.scheme == _SCHEME
        address, port, *_ = client.sockname
        if not is_plain or request.port != port:
            return False
        return await self._is_at(client, request.host, address)

    async def _is_at(self, client: connection.Client, host: str, address: str) -> bool:
        """True if the address is one of the host's."""
        origin = origin_of(parse_address(client.peername[0]))
        try:
            found = await self._lookups.of(origin, host, None)
        except (OSError, UnicodeError):  # the latter of a name that nobody could be asked for
            return False
        return parse_address(address) in {parse_address(str(name[0])) for *_, name in found}
