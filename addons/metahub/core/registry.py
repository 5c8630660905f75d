"""Which hosts are registries, and what images there are called.

Knows the names that the rules list. Must not know connections, nor what is asked of a registry.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Self

DOCKER_HUB = "docker.io"

# docker.io is the name of the images; the API answers elsewhere.
# https://github.com/containerd/containerd/blob/v2.0.0/core/remotes/docker/registry.go#L197-L202
_API_HOSTS = {DOCKER_HUB: ("registry-1.docker.io", "index.docker.io", "docker.io")}

_HTTPS_PORT = 443
_DEFAULT_PORTS = frozenset({80, _HTTPS_PORT})
_MAX_PORT = 65535
_NAME = re.compile(
    r"(?!.*\.\.)"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(?::(?P<port>[0-9]{1,5}))?"
)


def api_host(name: str) -> str:
    """Where the API of the registry `name` answers, with its port if the name has one."""
    return _API_HOSTS.get(name, (name,))[0]


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry as the rules and the image names write it: `ghcr.io`, `registry.test:5000`."""

    name: str
    host: str
    port: int | None = None
    """None where the name has none: then HTTPS on 443 and HTTP on 80 are meant."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host` or `host:port`; an IPv6 address stands in brackets. Raises ValueError."""
        match = _NAME.fullmatch(text.lower())
        port = int(match["port"]) if match and match["port"] else None
        host = _host(match["host"]) if match else None
        if host is None or port == 0 or (port or 0) > _MAX_PORT:
            raise ValueError(
                f"expected a registry like ghcr.io or registry.test:5000, found {text!r}"
            )
        name = f"[{host}]" if ":" in host else host
        return cls(f"{name}:{port}" if port else name, host, port)

    @property
    def api(self) -> tuple[str, int]:
        """The host and the port where its API answers over HTTPS."""
        return self.hosts[0], self.port or _HTTPS_PORT

    def answers_at(self, host: str, port: int) -> bool:
        """True if a connection to `host` and `port` is one to this registry."""
        ports = _DEFAULT_PORTS if self.port is None else {self.port}
        return port in ports and host in self.hosts

    @property
    def hosts(self) -> tuple[str, ...]:
        """Each host that its API answers at."""
        return _API_HOSTS.get(self.name, (self.host,))


class Registries:
    """The registries that are opened. Every other host is nobody's business."""

    __slots__ = ("_registries",)

    def __init__(self, registries: Iterable[Registry]) -> None:
        self._registries = tuple(registries)

    def at(self, host: str, port: int) -> Registry | None:
        """The registry that a connection to `host` and `port` reaches; None if it reaches none."""
        name = host.lower().rstrip(".")
        spelt = _host(name) or name
        found = (known for known in self._registries if known.answers_at(spelt, port))
        return next(found, None)

    def named(self, name: str) -> Registry | None:
        """The registry of that name, as image names spell it; None if the rules list none."""
        try:
            meant = Registry.parse(name)
        except ValueError:
            return None
        return self.at(*meant.api)

    def __len__(self) -> int:
        return len(self._registries)

    def __iter__(self) -> Iterator[Registry]:
        return iter(self._registries)


def _host(text: str) -> str | None:
    """A host in its one spelling, without brackets; None for what has some, but is no address.

    An IPv6 address has many. https://www.rfc-editor.org/rfc/rfc5952#section-2
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if bare == text and ":" not in bare:
        return text
    try:
        return str(IPv6Address(bare))
    except ValueError:
        return None
