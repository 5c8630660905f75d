"""HTTP/1.1 seen byte for byte, through a proxy or past it; each request on its own connection.

Knows CONNECT and TLS. Must not know registries.
"""

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from metahub.demo.address import LOOPBACK, Address, Login
from metahub.demo.tls import trusting
from tests.e2e.machine.site import THIS_MACHINE, Site

SILENCE = 20.0  # seconds without a byte after which a request counts as hanging


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer read to its end; header names in lower case.

    `lines` are the headers as they came: in their order and spelling, and however often.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    lines: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, response: http.client.HTTPResponse) -> "Answer":
        """Read the rest of a response. Raises http.client.IncompleteRead if it was cut."""
        lines = tuple(response.getheaders())
        headers = {name.lower(): value for name, value in lines}
        return cls(response.status, response.reason, headers, response.read(), lines)


class NoTunnelError(Exception):
    """The proxy did not open a tunnel. `answer` is what it said to CONNECT."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.reason}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Wire:
    """A way to a server: over which proxy if any, as which user of it, from which address.

    `trusted` is the authority that signs what the asker sees; `site` is where the asker stands, and
    `first` the address that it connects to.
    """

    server: Address
    trusted: Path
    proxy: Address | None = None
    user: Login | None = None
    source: str = LOOPBACK
    first: str = LOOPBACK
    site: Site = THIS_MACHINE

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send a request and read its answer.

        Raises NoTunnelError, and what http.client and ssl raise.
        """
        with self.asking(method, path, headers, body) as connection:
            return Answer.of(connection.getresponse())

    @contextmanager
    def asking(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Iterator[http.client.HTTPConnection]:
        """Send a request, whose answer may be read, or not.

        Raises NoTunnelError, and what http.client and ssl raise.
        """
        with self._connected() as way:
            connection = http.client.HTTPConnection(self.server.host, self.server.port)
            connection.sock = way
            connection.request(method, self._target(path), body, self._headers(headers))
            yield connection

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with self._first() as plain:
            if self.server.scheme == "http":
                yield plain
                return
            if self.proxy:
                self._connect(plain)
            with self._secured(plain) as secured:
                yield secured

    def _first(self) -> socket.socket:
        first = (self.first, (self.proxy or self.server).port)
        with self.site.entered():
            return socket.create_connection(first, SILENCE, (self.source, 0))

    def _secured(self, plain: socket.socket) -> socket.socket:
        return trusting(self.trusted).wrap_socket(plain, server_hostname=self.server.host)

    def _connect(self, plain: socket.socket) -> None:
        lines = [f"CONNECT {self.server} HTTP/1.1", f"Host: {self.server}"]
        lines += [f"{name}: {value}" for name, value in self._proxy_login().items()]
        plain.sendall("\r\n".join([*lines, "", ""]).encode())
        response = http.client.HTTPResponse(plain, method="CONNECT")
        response.begin()
        if response.status != http.HTTPStatus.OK:
            raise NoTunnelError(Answer.of(response))

    def _target(self, path: str) -> str:
        """The origin form, or the absolute form that a proxy wants for plain HTTP (RFC 9112)."""
        return self.server.url + path if self._is_absolute else path

    def _headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        return {**(headers or {}), **(self._proxy_login() if self._is_absolute else {})}

    @property
    def _is_absolute(self) -> bool:
        return self.proxy is not None and self.server.scheme == "http"

    def _proxy_login(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.user.header} if self.user else {}
