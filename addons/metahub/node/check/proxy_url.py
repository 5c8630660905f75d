"""The URL of a proxy as a node is told it, with its user and password.

Knows what Go's programs take for one, and where people go wrong. Must not know who is told it.
"""

import base64
import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, unquote

_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65535
_PARTS = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<authority>[^/?#]*)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[^:\[\]\s]+)(?::(?P<port>[0-9]{1,5})?)?")
_ESCAPED = "Write whatever is no letter or digit in the user or password as %XX"

# https://github.com/golang/go/blob/go1.24.0/src/net/url/url.go#L1238-L1262
_TAKEN = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class ProxyUrlError(ValueError):
    """No URL of a proxy. The message says why, without the URL; `remedy` what to write instead.

    Neither ends in a full stop.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class ProxyUrl:
    """A proxy, and as whom to ask it. `str()` shows no password."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    has_raw_at: bool = False
    """Whether the password holds an `@` as it is: some programs look for the host behind it."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what stands in HTTPS_PROXY. Raises ProxyUrlError."""
        parts = _PARTS.fullmatch(text.strip())
        scheme = ((parts and parts["scheme"]) or "http").lower()
        if parts is None or scheme not in _PORTS:
            raise ProxyUrlError("is not a URL that begins with http://", _example())
        if "@" in parts["rest"]:
            raw = parts["rest"][0]
            raise ProxyUrlError(f"has a {raw} in its user or password", _instead_of(raw))
        login, _, place = parts["authority"].rpartition("@")
        _look_at(login)
        host, port = _place(place, scheme)
        user, has_password, password = login.partition(":")
        return cls(
            scheme,
            host,
            port,
            unquote(user) if login else None,
            unquote(password) if has_password else None,
            "@" in login,
        )

    def with_password(self, password: str | None) -> "ProxyUrl":
        """The same with this password, if it has a user and no password of its own."""
        if not password or self.user is None or self.password is not None:
            return self
        return ProxyUrl(self.scheme, self.host, self.port, self.user, password)

    @property
    def place(self) -> str:
        """`host:port`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """It without a user and password."""
        return f"{self.scheme}://{self.place}"

    @property
    def login(self) -> str | None:
        """The value of Proxy-Authorization (RFC 7617); None if there is no user."""
        if self.user is None:
            return None
        credentials = f"{self.user}:{self.password or ''}".encode()
        return f"Basic {base64.b64encode(credentials).decode()}"

    def __str__(self) -> str:
        if self.user is None:
            return self.url
        hidden = "" if self.password is None else ":****"
        return f"{self.scheme}://{quote(self.user, safe='')}{hidden}@{self.place}"


def _example() -> str:
    return "Write it as http://USER:PASSWORD@HOST:PORT"


def _instead_of(character: str) -> str:
    return f"Write %{ord(character):02X} instead of that {character}"


def _look_at(login: str) -> None:
    """Raise ProxyUrlError for what Go's programs do not take as a user and password."""
    if _BROKEN_ESCAPE.search(login):
        raise ProxyUrlError("has a % in its user or password that begins no %XX", _instead_of("%"))
    if not _TAKEN.fullmatch(login):
        remedy = _ESCAPED
        raise ProxyUrlError("has a character in its user or password that no URL has", remedy)


def _place(text: str, scheme: str) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    port = int(match["port"] or _PORTS[scheme]) if match else 0
    if match is None or not 0 < port <= _MAX_PORT:
        raise ProxyUrlError("names no host and port", _example())
    return match["host"].strip("[]"), port
