"""Where a registry or a proxy listens, always on loopback, and the login that it asks for.

Knows how both are spelt in URLs, image names and headers; must not know who listens there.
"""

import base64
import ipaddress
import re
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"
PLAIN_NAME = re.compile(r"[a-z0-9]+(?:[.-]+[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Address:
    """A host, a port and a scheme; `str()` gives `host:port`, as rules and image names say it.

    An IPv6 address stands in brackets there (RFC 3986 3.2.2).
    """

    host: str
    port: int
    scheme: str = "https"

    @property
    def url(self) -> str:
        """The address as a URL without a path."""
        return f"{self.scheme}://{self}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of `Authorization` or `Proxy-Authorization` (RFC 7617)."""
        credentials = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(credentials).decode()}"


def loopback_of(host: str) -> str:
    """The IPv4 address that a host has on loopback. Raises ValueError if it has none."""
    try:
        address = socket.gethostbyname(host)
    except OSError as error:
        raise ValueError(f"{host} has no address: {error}") from error
    if not ipaddress.ip_address(address).is_loopback:
        raise ValueError(f"{host} is {address}, expected an address of loopback")
    return address


def proxied_name(candidates: Iterable[str] | None = None) -> str | None:
    """A name of loopback that Go's clients ask a proxy for, if this machine has one.

    They never use a proxy for `localhost` nor for an address of loopback itself.
    https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config.ProxyFunc
    """
    names = (
        (socket.gethostname(), "localhost.localdomain", "reg.test")
        if candidates is None
        else candidates
    )
    return next((name for name in names if _is_proxied(name)), None)


def _is_proxied(name: str) -> bool:
    if name == "localhost" or PLAIN_NAME.fullmatch(name) is None:
        return False
    try:
        return loopback_of(name) != name
    except ValueError:
        return False


def port_after(words: str, line: str) -> int:
    """The port in what a program says when it listens, `WORDS[SCHEME://]HOST:PORT`.

    Raises ValueError if there is none.
    """
    match = re.search(rf"{re.escape(words)}(?:\w+://)?[\w.]+:(\d+)", line)
    if match is None:
        raise ValueError(f"expected `{words}HOST:PORT`, found {line!r}")
    return int(match[1])


def free_port() -> int:
    """A port that nothing listened on a moment ago, for a program that cannot choose one itself."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ones."""
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]
