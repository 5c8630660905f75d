"""Which destinations clients are connected with, by their names, addresses and ports.

Knows what the rules list, and which addresses belong to nobody's registry. Must not know how a name
is resolved, nor who wants to go there.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_network
from typing import Self

from metahub.core.client import Address, Network, parse_address
from metahub.core.distribution import short_name
from metahub.core.registry import Registries

_DEFAULT_PORTS = frozenset({80, 443})
_ALL_PORTS = range(1, 65536)
_BELOW = "*."

# What is in front of the proxy's own machine, or of the cloud that it is in. An entry opens such a
# range only where it is within it: 0.0.0.0/0 is meant for others.
_NOBODYS: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), words)
    for network, words in (
        ("0.0.0.0/8", "an unspecified address"),  # RFC 1122 3.2.1.3: this host
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address, like those of cloud metadata"),
        ("224.0.0.0/4", "a multicast address"),
        ("255.255.255.255/32", "the broadcast address"),
        ("::/128", "the unspecified address"),
        ("::1/128", "the loopback address"),
        ("::/96", "an address without use"),  # RFC 4291 2.5.5.1: IPv4-compatible, deprecated
        ("fe80::/10", "a link-local address"),
        ("ff00::/8", "a multicast address"),
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
        ("fd00:ec2::/32", "an address of AWS's own services, like its metadata"),
        # https://cloud.google.com/compute/docs/metadata/querying-metadata
        ("fd20:ce::254/128", "Google Cloud's metadata"),
        # https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
        ("100.100.100.200/32", "Alibaba Cloud's metadata"),
        # https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16
        ("168.63.129.16/32", "an address of Azure's own services"),
    )
)

# IPv6 addresses that lead to an IPv4 address, and how many bits are behind it.
_LEADING_TO_IPV4 = tuple(
    (IPv6Network(network), behind)
    for network, behind in (
        ("::ffff:0:0/96", 0),  # RFC 4291 2.5.5.2
        ("::ffff:0:0:0/96", 0),  # RFC 2765 2.1
        ("64:ff9b::/96", 0),  # RFC 6052 2.1
        ("64:ff9b:1::/48", 0),  # RFC 8215, with the prefix of 96 bits
        ("2002::/16", 80),  # RFC 3056 2
    )
)
_IPV4_BITS = 0xFFFFFFFF

# As inet_aton(3) reads a part of an IPv4 address.
_PART = re.compile(r"0[xX](?P<hex>[0-9a-fA-F]+)|0(?P<octal>[0-7]*)|(?P<decimal>[1-9][0-9]{0,9})")
_BASES = {"hex": 16, "octal": 8, "decimal": 10}
_PARTS = range(1, 5)

# RFC 6761 6.3
_LOCALHOST = re.compile(r"(.*\.)?localhost")
_LOOPBACK = IPv4Address("127.0.0.1")

_ENTRY = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<where>[^:\[\]]+))(?::(?P<port>\*|[0-9]{1,5}))?")
# The last label of a name has a letter: else it is an address, or none.
_NAME = re.compile(
    r"(?!.*\.\.)(?:\*\.)?(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.)?(?:[a-z0-9-]*[a-z][a-z0-9-]*)"
)


def literal(host: str) -> Address | None:
    """The address that a host is itself, in each spelling that sockets take; None for a name."""
    bare = host.removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return parse_address(bare)
    except ValueError:
        return _loosely(bare)


def _loosely(text: str) -> IPv4Address | None:
    """An IPv4 address of one to four parts, the last of which fills what is left."""
    numbers = [_number(part) for part in text.split(".")]
    known = [number for number in numbers if number is not None]
    if len(known) != len(numbers) or len(numbers) not in _PARTS:
        return None
    *first, last = known
    bits = 32 - 8 * len(first)
    if any(number > 255 for number in first) or last >> bits:
        return None
    before = int.from_bytes(bytes(first))
    return IPv4Address(before << bits | last)


def _number(part: str) -> int | None:
    match = _PART.fullmatch(part)
    if match is None:
        return None
    base, digits = next(
        (name, found) for name, found in match.groupdict().items() if found is not None
    )
    return int(digits or "0", _BASES[base])


def reached(address: Address) -> Address:
    """The address where a connection ends: IPv4 has several names in IPv6."""
    for network, behind in _LEADING_TO_IPV4:
        if address in network:
            return IPv4Address(int(address) >> behind & _IPV4_BITS)
    return address


def spelt(host: str, port: int) -> str:
    """`HOST:PORT`, as an operator would list it, of whatever a client calls a host."""
    name = short_name(host)
    bare = ":" in name and not name.startswith("[")
    return f"[{name}]:{port}" if bare else f"{name}:{port}"


@dataclass(frozen=True, slots=True)
class Listed:
    """What an operator lists: a host, the hosts below a name, or a network."""

    where: str | Network
    """A name like `example.com` or `*.example.com`, in lower case."""
    ports: range | None = None
    """None: 443, 80 and those of registries."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an entry, which may have a port or `*` for all behind a colon.

        An IPv6 address or network stands in brackets if a port follows. Raises ValueError.
        """
        match = _ENTRY.fullmatch(text.lower())
        if match is None:
            return cls(_network(text.lower()))
        ports = _ports(match["port"]) if match["port"] else None
        if match["v6"]:
            return cls(_network(match["v6"]), ports)
        where = match["where"]
        is_name = _NAME.fullmatch(where) is not None and literal(where) is None
        return cls(where if is_name else _network(where), ports)

    def names(self, host: str) -> bool:
        """True if the entry is one for the name `host`, in lower case."""
        if not isinstance(self.where, str):
            return False
        if self.where.startswith(_BELOW):
            return host.endswith(self.where.removeprefix("*"))
        return host == self.where

    def holds(self, address: Address) -> bool:
        """True if it is a network of `address`, and not one of all the world."""
        if isinstance(self.where, str) or address not in self.where:
            return False
        nobodys = _nobodys(address)
        return nobodys is None or _is_within(self.where, nobodys[0])


def _network(text: str) -> Network:
    """Raises ValueError also where bits are set behind the prefix."""
    network = ip_network(text)
    if "%" in text or reached(network.network_address) != network.network_address:
        raise ValueError(f"{text} has another name")
    return network


def _ports(text: str) -> range:
    if text == "*":
        return _ALL_PORTS
    port = int(text)
    if port not in _ALL_PORTS:
        raise ValueError(f"{port} is no port")
    return range(port, port + 1)


def _nobodys(address: Address) -> tuple[Network, str] | None:
    return next((nobodys for nobodys in _NOBODYS if address in nobodys[0]), None)


def _is_within(network: Network, other: Network) -> bool:
    return network.prefixlen >= other.prefixlen and network.network_address in other


class Destinations:
    """Where the rules let clients go: to registries, to what they list, and to the public."""

    __slots__ = ("_closed", "_listed", "_registries", "_usual_ports")

    def __init__(
        self, registries: Registries, listed: Iterable[Listed] = (), *, closed: bool = False
    ) -> None:
        self._registries = registries
        self._listed = tuple(listed)
        self._closed = closed
        ports = {registry.port for registry in registries if registry.port is not None}
        self._usual_ports = _DEFAULT_PORTS | ports

    def names(self, host: str, port: int) -> bool:
        """True for a registry and for a host that is listed by its name: they may be anywhere."""
        if self._registries.at(host, port) is not None:
            return True
        name = host.lower().removesuffix(".")
        return any(entry.names(name) for entry in self._listed if self._is_of(entry, port))

    def objection(self, host: str, port: int, addresses: Collection[Address] = ()) -> str | None:
        """Why nobody is connected with `host`, in a sentence with the remedy; None for a yes.

        `addresses` are all that the host has. Without any, it goes by what its name says, as where
        somebody else is to resolve it.
        """
        if self.names(host, port):
            return None
        why = next(
            filter(None, (self._against(port, one) for one in addresses or _said(host))), None
        )
        if why is None:
            return None
        there = spelt(host, port)
        return (
            f"MetaHub: {there} is refused: {why}; to allow it, list {there} in allow_destinations"
        )

    def _against(self, port: int, address: Address | None) -> str | None:
        end = reached(address) if address else None
        if end is not None and self._holds(end, port):
            return None
        if self._closed:
            return "the rules deny unknown destinations"
        if port not in self._usual_ports:
            return f"{port} is neither 443, 80 nor the port of a registry of the rules"
        nobodys = _nobodys(end) if end else None
        return f"{end} is {nobodys[1]}" if nobodys else None

    def _holds(self, address: Address, port: int) -> bool:
        return any(entry.holds(address) for entry in self._listed if self._is_of(entry, port))

    def _is_of(self, entry: Listed, port: int) -> bool:
        return port in (self._usual_ports if entry.ports is None else entry.ports)


def _said(host: str) -> tuple[Address | None]:
    """The address that a host tells of itself."""
    if _LOCALHOST.fullmatch(host.lower().removesuffix(".")):
        return (_LOOPBACK,)
    return (literal(host),)
