"""TLS with the proxy itself, and in it TLS with registries."""

import socket
import ssl

import pytest

from metahub.demo.address import LOOPBACK
from metahub.demo.tls import trusting
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import HERE
from tests.proxy.running import Serve

OFFERED = ["h2", "http/1.1"]


@pytest.mark.parametrize("http2", [False, True])
def test_a_secure_proxy_speaks_http_1(http2: bool, serve: Serve, odd: OddRegistry) -> None:
    """Whatever is offered, and also where mitmproxy speaks HTTP/2 with registries."""
    proxy = serve(table(odd.address), http2=http2)
    trusted = trusting(proxy.authority)
    trusted.set_alpn_protocols(OFFERED)
    with (
        socket.create_connection((LOOPBACK, proxy.address.port), 10) as plain,
        trusted.wrap_socket(plain, server_hostname=HERE) as secured,
    ):
        assert secured.selected_alpn_protocol() == "http/1.1"
        secured.sendall(f"CONNECT {odd.address} HTTP/1.1\r\n\r\n".encode())
        assert secured.recv(12) == b"HTTP/1.1 200"


def test_inside_it_what_a_registry_speaks_is_agreed_upon(serve: Serve, odd: OddRegistry) -> None:
    """That is another connection."""
    proxy = serve(table(odd.address), http2=True)
    outer = trusting(proxy.authority)
    inner = trusting(proxy.authority)
    inner.set_alpn_protocols(OFFERED)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with (
        socket.create_connection((LOOPBACK, proxy.address.port), 10) as plain,
        outer.wrap_socket(plain, server_hostname=HERE) as secured,
    ):
        secured.sendall(f"CONNECT {odd.address} HTTP/1.1\r\n\r\n".encode())
        while not secured.recv(65536).endswith(b"\r\n\r\n"):
            pass
        registry = inner.wrap_bio(incoming, outgoing, server_hostname=odd.address.host)
        while registry.version() is None or registry.selected_alpn_protocol() is None:
            try:
                registry.do_handshake()
            except ssl.SSLWantReadError:
                secured.sendall(outgoing.read())
                incoming.write(secured.recv(65536))
        assert registry.selected_alpn_protocol() == "h2"
