"""The address by which a client knows the proxy.

Knows how it is spelt, strictly: it is written into scripts. Must not know who listens there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Self

from metahub.core.client import parse_address
from metahub.core.distribution import short_name

# RFC 1123 2.1 and 2.2.10 of RFC 3986, without what no name of a machine has. `_` is of containers.
_MAX_NAME = 253
_AUTHORITY = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)


class MalformedHostError(ValueError):
    """A `Host` header names no host. The message is for whoever sent it."""


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """A host and a port; `str()` gives `host:port`, of which no character means more to a shell."""

    host: str
    """A name, or an address; of IPv6 without brackets."""
    port: int

    @classmethod
    def parse(cls, text: str, default_port: int) -> Self:
        """Read `host` or `host:port`, an IPv6 address in brackets. Raises MalformedHostError."""
        match = _AUTHORITY.fullmatch(text)
        host = _host(match["host"]) if match else None
        port = int(match["port"] or default_port) if match else 0
        if host is None or not 0 < port < 1 << 16:
            found = f"found {short_name(text)!r}" if text else "found none"
            raise MalformedHostError(f"expected a Host header such as proxy.test:8080, {found}")
        return cls(host, port)

    @classmethod
    def of_socket(cls, name: Sequence[object]) -> Self:
        """The address of a socket, as `socket.getsockname` gives it."""
        host, port, *_ = name
        return cls(str(parse_address(str(host))), int(str(port)))

    @property
    def url(self) -> str:
        """As a URL without a path."""
        return f"http://{self}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _host(text: str) -> str | None:
    if not text.startswith("["):
        return text.lower() if len(text) <= _MAX_NAME else None
    try:
        return str(IPv6Address(text[1:-1]))
    except ValueError:
        return None
