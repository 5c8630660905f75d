"""Each client over each way to MetaHub: what it is known by there, and how it is told of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from metahub.demo.address import Address, Login
from metahub.demo.bench import REPOSITORY, User
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Way
from tests.e2e.machine.parts import require
from tests.e2e.matrix.conftest import Note
from tests.e2e.matrix.contenders import WAYS, Contender
from tests.e2e.matrix.outcome import has
from tests.e2e.matrix.tables import NEVER
from tests.e2e.proxies import squid
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.redirected import HTTPS, MIRRORED, Redirected, address_as_named
from tests.e2e.proxies.rules import TYPE1, TYPE2, TYPE4, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.proxies.squid import Squid
from tests.e2e.upstreams.registry import LOGIN, Registry
from tests.e2e.upstreams.trust import HERE, Trust

type Served = Mapping[User, str]
"""D' of qnib/bench for each user."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A way of a node that is known as a user of the table, to a registry that it knows."""

    user: User
    way: Way
    proxy: Proxy
    registry: Address
    login: Login | None = None


@pytest.fixture(scope="module")
def behind(trust: Trust) -> Iterator[Squid]:
    """The proxy that lets MetaHub out."""
    require("squid")
    with squid.passing(trust) as running:
        yield running


@pytest.fixture(scope="module")
def before_squid(serve_all: Serve, behind: Squid, registry: Registry) -> Proxy:
    """MetaHub, which goes out by it."""
    return serve_all(table(registry.address), mode=[behind.mode])


def test_by_user(
    contender: Contender, proxy: Proxy, registry: Registry, nodes: Nodes, served: Served, note: Note
) -> None:
    """HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT."""
    way = Way(proxy.url(login_of(TYPE4)))
    _got(contender, Trip(TYPE4, way, proxy, registry.address, LOGIN), nodes, served)
    note(WAYS, "user")


def test_by_address(
    contender: Contender, redirected: Redirected, nodes: Nodes, served: Served, note: Note
) -> None:
    """HTTPS_PROXY=http://HOST:PORT; the network of the node is in the rules."""
    way = redirected.way_by_proxy("node1", "v4")
    _got(contender, Trip(TYPE1, way, redirected.proxy, address_as_named(HTTPS)), nodes, served)
    note(WAYS, "address")


def test_by_tls(
    contender: Contender, proxy: Proxy, registry: Registry, nodes: Nodes, served: Served, note: Note
) -> None:
    """HTTPS_PROXY=https://USER:PASSWORD@HOST:PORT; the proxy shows a certificate of its CA."""
    user, at = login_of(TYPE4), f"{HERE}:{proxy.address.port}"
    way = Way(f"https://{user.user}:{user.password}@{at}")
    _got(contender, Trip(TYPE4, way, proxy, registry.address, LOGIN), nodes, served)
    note(WAYS, "`https://` proxy")


def test_by_ipv6(
    contender: Contender, redirected: Redirected, nodes: Nodes, served: Served, note: Note
) -> None:
    """HTTPS_PROXY=http://[ADDRESS]:PORT; the network of the node is in the rules."""
    way = redirected.way_by_proxy("node2", "v6")
    _got(contender, Trip(TYPE2, way, redirected.proxy, address_as_named(HTTPS)), nodes, served)
    note(WAYS, "IPv6")


def test_redirected(
    contender: Contender, redirected: Redirected, nodes: Nodes, served: Served, note: Note
) -> None:
    """No setting at all: the router sends it to the proxy, and its address is kept."""
    for user, name, family in ((TYPE1, "node1", "v4"), (TYPE2, "node2", "v6")):
        way = redirected.way(name, family)
        _got(contender, Trip(user, way, redirected.proxy, address_as_named(HTTPS)), nodes, served)
    note(WAYS, "redirected")


def test_by_another_proxy_behind(
    contender: Contender,
    before_squid: Proxy,
    registry: Registry,
    nodes: Nodes,
    served: Served,
    note: Note,
) -> None:
    """MetaHub itself has to ask a proxy."""
    way = Way(before_squid.url(login_of(TYPE4)))
    _got(contender, Trip(TYPE4, way, before_squid, registry.address, LOGIN), nodes, served)
    note(WAYS, "another proxy behind")


def test_as_a_mirror(
    contender: Contender, redirected: Redirected, nodes: Nodes, served: Served, note: Note
) -> None:
    """The runtime is told of a mirror of docker.io, and MetaHub is that."""
    if not contender.takes_mirrors:
        note(WAYS, "mirror", NEVER)
        return
    way = redirected.way_by_mirror("node1")
    _got(contender, Trip(TYPE1, way, redirected.proxy, MIRRORED), nodes, served)
    note(WAYS, "mirror")


def _got(contender: Contender, trip: Trip, nodes: Nodes, served: Served) -> None:
    """The build that fits arrives, in an index that is for this machine type alone."""
    registries, authorities = {trip.registry: trip.login}, [trip.proxy.authority]
    client = nodes.start_on(contender.kind, trip.way, registries, authorities)
    has(client.pull(f"{trip.registry}/{REPOSITORY}"), trip.user.gets, served[trip.user])
