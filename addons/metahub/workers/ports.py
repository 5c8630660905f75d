"""The ports that workers share, kept by their parent.

Knows sockets. Must not know who listens on them.
"""

import errno
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from metahub.config import ConfigError
from metahub.workers.number import modes

_DEFAULT_PORT = 8080
_SECONDS_FOR_OTHERS_TO_END = 1.0
_SECONDS_BETWEEN_TRIES = 0.05


@dataclass(frozen=True, slots=True)
class Address:
    """Where a mode listens: an empty host is every address."""

    host: str
    port: int


def addresses(options: Mapping[str, object]) -> Iterator[Address]:
    """Where the modes listen, as far as that can be read: mitmproxy complains of the rest."""
    for mode in modes(options):
        before, _, behind = mode.rpartition("@")
        host, _, port = behind.rpartition(":") if before else ("", "", "")
        port = port or str(_or(options.get("listen_port"), _default_port(mode)))
        if port.isdecimal() and int(port) < 2**16:
            yield Address(host.strip("[]") or str(options.get("listen_host") or ""), int(port))


def _default_port(mode: str) -> int:
    return 1080 if mode.startswith("socks5") else _DEFAULT_PORT


def _or(value: object, otherwise: object) -> object:
    return otherwise if value is None else value


class KeptPorts(ExitStack):
    """Ports that are bound and not listened on: nobody else gets them while workers come and go.

    Without this, a second parent of the same user would share them, and take half of the clients.
    """

    chosen: int | None = None
    """The port that was chosen where the options leave it open."""

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Self:
        """Keep those of all modes. Raises ConfigError if one is taken."""
        kept = cls()
        try:
            for address in addresses(options):
                port = kept.keep(address)
                kept.chosen = port if address.port == 0 else kept.chosen
        except ConfigError:
            kept.close()
            raise
        return kept

    def keep(self, address: Address) -> int:
        """The port of the address, chosen now if it is 0. Raises ConfigError if it is taken."""
        until = time.monotonic() + _SECONDS_FOR_OTHERS_TO_END
        while True:
            try:
                return self._keep(address)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                    where = f"{address.host or '*'}:{address.port}"
                    raise ConfigError(f"{where} cannot be listened on: {error}") from error
                time.sleep(_SECONDS_BETWEEN_TRIES)

    def _keep(self, address: Address) -> int:
        with ExitStack() as bound:
            port = address.port
            for place in _places(address.host):
                try:
                    port = _free_port(place, port)
                except OSError as error:
                    # A machine may know IPv6 and have no address of it.
                    if address.host or error.errno != errno.EADDRNOTAVAIL:
                        raise
                    continue
                sharing = bound.enter_context(_socket(place))
                sharing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                sharing.bind((place.address, port))
            self.enter_context(bound.pop_all())
        return port


@dataclass(frozen=True, slots=True)
class _Place:
    """One of the addresses of a host."""

    family: int
    address: str


def _places(host: str) -> Sequence[_Place]:
    """All of them, as asyncio listens on them."""
    found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    usable = (socket.AF_INET, socket.AF_INET6) if socket.has_dualstack_ipv6() else (socket.AF_INET,)
    places = (_Place(family, str(place[0])) for family, _, _, _, place in found)
    return [place for place in dict.fromkeys(places) if place.family in usable]


def _free_port(place: _Place, port: int) -> int:
    """The port, or a free one for 0. Raises OSError if anybody has it, sharing or not."""
    with _socket(place) as probe:
        probe.bind((place.address, port))
        return int(probe.getsockname()[1])


def _socket(place: _Place) -> socket.socket:
    made = socket.socket(place.family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if place.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made
