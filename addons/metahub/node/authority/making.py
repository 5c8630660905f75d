"""A CA of MetaHub's own: what it is called, and for which hosts it signs.

Knows registries and the names of this machine. Must not know files.
"""

import socket
from collections.abc import Iterable, Sequence
from datetime import datetime
from ipaddress import ip_address

from metahub.core.registry import Registry
from metahub.node.authority.constraints import constraints_for
from metahub.node.authority.pair import SigningPair

_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - recognised, not bound
_LONGEST_HOST = 30  # so that the date behind it is not cut off


def new_pair(
    registries: Iterable[Registry],
    own_hosts: Iterable[str],
    now: datetime,
    *,
    constrained: bool = True,
) -> SigningPair:
    """A new CA for all hosts of these registries, and for the proxy's own names."""
    hosts = [host for registry in registries for host in registry.hosts]
    constraints = constraints_for([*hosts, *own_hosts]) if constrained else None
    name = f"MetaHub CA of {socket.gethostname()[:_LONGEST_HOST]} {now:%F %T}"
    return SigningPair.create(name, now, constraints)


def own_hosts(named: Sequence[str], listen_host: str) -> tuple[str, ...]:
    """By which hosts nodes reach the proxy itself over TLS: as an `https://` proxy, or a mirror.

    Those that are named, or else the one that the greeting tells nodes of. Raises ValueError.
    """
    if named:
        return tuple(map(parse_host, named))
    told = socket.gethostname() if listen_host in _EVERY_ADDRESS else listen_host
    try:
        return (parse_host(told),)
    except ValueError:
        return ()  # a machine may be called what no certificate can say


def parse_host(text: str) -> str:
    """A DNS name or an address in its one spelling. Raises ValueError."""
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    try:
        registry = Registry.parse(text)
    except ValueError:
        registry = None
    if registry is None or registry.port is not None:
        raise ValueError(f"expected a name like proxy.example.com or an address, found {text!r}")
    return registry.host
