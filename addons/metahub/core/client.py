"""Client -> machine type.

Knows users, source addresses and networks. Must not know passwords, nor where a client was seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Self

from metahub.core.machine import MachineType

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network


def parse_address(text: str) -> Address:
    """Read a source address as sockets give it. Raises ValueError if it is none.

    An IPv4 client of a dual-stack socket (`::ffff:10.0.0.1`, RFC 4291 2.5.5.2) is the IPv4 address,
    and the scope of a link-local address (`fe80::1%eth0`, RFC 4007) says nothing about the client.
    """
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: the source address, and the proxy user, if one gave the right password."""

    address: Address
    user: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str()` gives. Raises ValueError for what is no client.

        A user may have any name, also one with ` at ` in it; an address has no spaces.
        """
        user, _, address = text.rpartition(" at ")
        return cls(parse_address(address), user or None)

    def __str__(self) -> str:
        return f"{self.user} at {self.address}" if self.user else str(self.address)


class Clients:
    """Which client is of which machine type: a user beats a network, the longest prefix wins."""

    __slots__ = ("_networks", "_users")

    def __init__(
        self,
        users: Mapping[str, MachineType],
        networks: Iterable[tuple[Network, MachineType]],
    ) -> None:
        self._users = dict(users)
        self._networks = sorted(networks, key=lambda pair: pair[0].prefixlen, reverse=True)

    def machine_type(self, client: Client) -> MachineType | None:
        """The machine type of `client`; None if the rules do not know it."""
        if client.user is not None:
            return self._users.get(client.user)
        return next((known for network, known in self._networks if client.address in network), None)

    def network(self, address: Address) -> Network | None:
        """The network that says what `address` is, the narrowest; None if it is in none."""
        return next((network for network, _ in self._networks if address in network), None)

    @property
    def networks(self) -> Sequence[tuple[Network, MachineType]]:
        """Every network and what is in it, the narrowest first."""
        return self._networks

    def __len__(self) -> int:
        return len(self._users) + len(self._networks)
