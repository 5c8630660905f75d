"""A question to the proxy itself, and the page that answers it.

Knows what HTTP says of both. Must not know what any page is about.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from mitmproxy import connection, http

from metahub.proxy.gate import Visit
from metahub.proxy.modes import is_explicit
from metahub.proxy.pages.proxy_address import ProxyAddress

TEXT = "text/plain; charset=utf-8"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

_HTML = "text/html"
_HTTP_PORT, _HTTPS_PORT = 80, 443


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a page."""

    name: str
    """What is asked for of a folder of pages; empty where a page has its path to itself."""
    host: str
    """The `Host` header, as it came."""
    accept: str
    credentials: str | None = field(repr=False)
    """What proves a client that asks directly, if it sent anything."""
    peer: connection.Client
    visit: Visit | None
    """How the client came through the gate; None if it asks directly, at the proxy's own port."""
    headers: http.Headers = field(default_factory=http.Headers, repr=False)
    """As they came, without what proves a client."""
    query: str = ""
    """What stands behind the `?`."""

    @property
    def wants_html(self) -> bool:
        """True for a browser; curl and its like take what they get."""
        return _HTML in self.accept.lower()

    @property
    def proxy(self) -> ProxyAddress | None:
        """The address that nodes may be told of: the one that the client used, if it says so.

        None over a way to MetaHub that is no proxy. Raises MalformedHostError.
        """
        if self.visit is None:
            return ProxyAddress.parse(self.host, _HTTPS_PORT if self.peer.tls else _HTTP_PORT)
        return ProxyAddress.of_socket(self.peer.sockname) if is_explicit(self.peer) else None


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    content_type: str
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = NO_HEADERS

    @classmethod
    def text(cls, text: str, status: int = 200, headers: Mapping[str, str] = NO_HEADERS) -> Self:
        """Words for a person."""
        return cls(TEXT, f"{text}\n".encode(), status, headers)


type Answer = Callable[[Asked], Awaitable[Page]]
"""Makes one page, or all of a folder."""
