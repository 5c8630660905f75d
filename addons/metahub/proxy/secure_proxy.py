"""TLS with the proxy itself, of clients that are told of an `https://` proxy.

Knows what is spoken inside it. Must not know who asks.
"""

from mitmproxy import tls

from metahub.proxy.modes import is_explicit

_HTTP_1 = b"http/1.1"


class SecureProxy:
    """Lets nothing but HTTP/1 be spoken with the proxy: mitmproxy knows no CONNECT over HTTP/2.

    Go's clients offer HTTP/2 here too, and send an HTTP/1 CONNECT whatever is agreed upon.
    """

    def tls_clienthello(self, hello: tls.ClientHelloData) -> None:
        """Agree on HTTP/1 where no destination is named yet."""
        client = hello.context.client
        if is_explicit(client) and hello.context.server.address is None:
            client.alpn = _HTTP_1
