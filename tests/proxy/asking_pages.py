"""Questions to the proxy itself, by each way to it.

Knows how they are asked. Must not know what is answered.
"""

import http.client
import socket
import ssl

from metahub.demo.address import LOOPBACK, Address, Login
from metahub.proxy.itself import HOST
from tests.e2e.asking.wire import Wire
from tests.e2e.proxies.rules import TYPE1
from tests.e2e.upstreams.trust import HERE
from tests.proxy.running import ProxyInThread

ITSELF = Address(HOST, 80, "http")
WRONG = Login(TYPE1.name, "wrong-password-of-a-page")
PATHS = [
    "/",
    "/login",
    "/whoami",
    "/ca.crt",
    "/ca.der",
    "/healthz",
    "/readyz",
    "/metrics",
    "/setup/docker",
]
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def direct(proxy: ProxyInThread, source: str = LOOPBACK) -> Wire:
    """A way to the proxy's port, as to any server."""
    return Wire(proxy.address, proxy.authority, source=source)


def through(proxy: ProxyInThread, login: Login | None = None, source: str = LOOPBACK) -> Wire:
    """A way to the proxy by its name, through the proxy."""
    return proxy.wire(ITSELF, login, source)


def said(proxy: ProxyInThread, sent: str, tls: ssl.SSLContext | None = None) -> str:
    """What comes back for bytes as they are, until the proxy hangs up or says no more."""
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as plain:
        way = tls.wrap_socket(plain, server_hostname=HERE) if tls else plain
        with way:
            way.sendall(sent.encode())
            response = http.client.HTTPResponse(way)
            response.begin()
            return f"{response.status} {response.reason}\n{response.read().decode()}"
