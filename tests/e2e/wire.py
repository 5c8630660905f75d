"""HTTP/1.1 through a proxy, seen byte for byte; each request on a connection of its own.

Knows CONNECT and TLS. Must not know registries.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from metahub.demo.address import LOOPBACK, Address, Login
from metahub.demo.tls import trusting

SILENCE = 20.0  # seconds without a byte after which a request counts as hanging


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer read to its end; header names in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, response: http.client.HTTPResponse) -> "Answer":
        """Read the rest of a response. Raises http.client.IncompleteRead if it was cut."""
        headers = {name.lower(): value for name, value in response.getheaders()}
        return cls(response.status, response.reason, headers, response.read())


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """The proxy did not open the way; its answer to CONNECT."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Wire:
    """A way to a registry: the proxy, who asks it and from where, and whom the asker trusts."""

    proxy: Address
    registry: Address
    trusted: Path
    user: Login | None = None
    source: str = LOOPBACK

    def ask(self, method: str, path: str, **headers: str) -> Answer:
        """Send a request and read its answer; `_` in a header's name stands for `-`.

        Raises Refused, and what http.client and ssl raise.
        """
        with self.opened(method, path, **headers) as response:
            return Answer.of(response)

    @contextmanager
    def opened(self, method: str, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """The response to a request, its body yet unread."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(self.registry.host, self.registry.port)
        with self._connected() as plain:
            if self.registry.scheme == "https":
                connection.sock = self._tunnelled(plain)
            else:
                connection.sock = plain
                path, named = self.registry.url + path, named | self._proxy_login()
            connection.request(method, path, headers=named)
            yield connection.getresponse()

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        proxy = (self.proxy.host, self.proxy.port)
        with socket.create_connection(proxy, SILENCE, (self.source, 0)) as way:
            yield way

    def _tunnelled(self, way: socket.socket) -> ssl.SSLSocket:
        lines = [f"CONNECT {self.registry} HTTP/1.1", f"Host: {self.registry}"]
        lines += [f"{name}: {value}" for name, value in self._proxy_login().items()]
        way.sendall("\r\n".join([*lines, "", ""]).encode())
        response = http.client.HTTPResponse(way, method="CONNECT")
        response.begin()
        if response.status != http.HTTPStatus.OK:
            raise Refused(Answer.of(response))
        return trusting(self.trusted).wrap_socket(way, server_hostname=self.registry.host)

    def _proxy_login(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.user.header} if self.user else {}
