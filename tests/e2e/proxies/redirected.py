"""Nodes whose connections are redirected to the proxy between them and their registries.

Knows which registry is at which port, and who is which machine type. Must not know what is pulled.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from metahub.core.registry import DOCKER_HUB
from metahub.demo.address import LOOPBACK, Address, free_ports
from metahub.demo.bench import REPOSITORY, SKYLAKE, TAG, qnib_bench
from metahub.demo.images import index_of
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import Wire
from tests.e2e.clients.shape import Way
from tests.e2e.machine.network import Network
from tests.e2e.machine.site import Namespace
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE2, Rules, table, with_networks
from tests.e2e.proxies.serve import Serve, proxies
from tests.e2e.upstreams import registry as docker_registry
from tests.e2e.upstreams.trust import HERE, HOST, HUB, Trust

HTTPS, HTTP, TLS_PORT, PLAIN_PORT = 443, 80, 5000, 5001
SCHEMES = {HTTPS: "https", HTTP: "http", TLS_PORT: "https", PLAIN_PORT: "http"}
PICKY = "qnib/picky"  # nothing in it is for node1
HUB_HOSTS = (HUB, "auth.docker.io", "index.docker.io")
OTHER_PORT = 7000  # redirected too; only a test listens there
REDIRECTED = (*SCHEMES, OTHER_PORT)

KNOWN = {"node1": TYPE1, "node2": TYPE2}
NODES = (*KNOWN, "stranger")
BUILDS = tuple(str(image.manifest.digest) for image in qnib_bench().images)
SEEN = {TYPE1: BUILDS[1:2], TYPE2: BUILDS[2:3], None: BUILDS}


def address_of(namespace: Namespace, family: str) -> str:
    """One of its two addresses."""
    return namespace.v4 if family == "v4" else namespace.v6


@dataclass(frozen=True, slots=True)
class Redirected:
    """A proxy that nodes are redirected to, and a port of it for those that know it."""

    network: Network
    trust: Trust
    proxy: Proxy
    explicit: int
    mirror: int
    """The port of a mirror of docker.io, and of all registries that the rules list."""

    def wire(
        self, name: str, family: str, port: int, host: str = HOST, trusted: Path | None = None
    ) -> Wire:
        """A way from a node to the registry's address, where the node says that it is `host`."""
        node: Namespace = getattr(self.network, name)
        return Wire(
            Address(host, port, SCHEMES[port]),
            trusted or self.proxy.authority,
            source=address_of(node, family),
            first=address_of(self.network.registry, family),
            site=node,
        )

    def way(self, name: str, family: str) -> Way:
        """How a client gets out that knows nothing but the registry's address."""
        node: Namespace = getattr(self.network, name)
        hosts = self.proxy.directory / f"hosts-{family}"
        registry = address_of(self.network.registry, family)
        hosts.write_text(f"{LOOPBACK} {HERE}\n{registry} {HOST}\n")
        return Way(network=tuple(node.inside(())), hosts=hosts)

    def way_by_proxy(self, name: str, family: str) -> Way:
        """How one gets out that knows the proxy's address, and not that of the registry."""
        hosts = self.proxy.directory / "no-hosts"
        hosts.write_text(f"{LOOPBACK} {HERE}\n")
        address = address_of(self.network.proxy, family)
        proxy = Address(address, self.explicit, "http")
        return replace(self.way(name, family), proxy=proxy.url, hosts=hosts)

    def way_by_mirror(self, name: str) -> Way:
        """How one gets out that has a mirror for docker.io, and no way to that itself."""
        hosts = self.proxy.directory / "mirrored-hosts"
        hosts.write_text("".join(f"{LOOPBACK} {host}\n" for host in (HERE, *HUB_HOSTS)))
        mirror = Address(self.network.proxy.v4, self.mirror, "http")
        return replace(self.way(name, "v4"), mirrors={DOCKER_HUB: mirror.url}, hosts=hosts)

    def asker(self, name: str, family: str = "v4", port: int = HTTPS) -> Asker:
        """What a node asks of qnib/bench."""
        return Asker(self.wire(name, family, port), REPOSITORY)


@dataclass(frozen=True, slots=True)
class WithoutPort(Address):
    """A registry at the port that its scheme has by itself."""

    def __str__(self) -> str:
        return self.host


MIRRORED = WithoutPort(DOCKER_HUB, HTTPS)


def address_as_named(port: int) -> Address:
    """A registry as people write it."""
    kind = WithoutPort if port in (HTTP, HTTPS) else Address
    return kind(HOST, port, SCHEMES[port])


@dataclass(frozen=True, slots=True)
class Crossing:
    """The network with its registries, and what starts proxies between nodes and registries."""

    network: Network
    trust: Trust
    rules: Rules
    serve: Serve

    @contextmanager
    def redirected(self) -> Iterator[Redirected]:
        """A proxy that has all that nodes send to the ports of registries, as long as it lasts."""
        with self.network.proxy.entered():
            explicit, mirror = free_ports(2)
        modes = ["transparent", f"regular@{explicit}", f"reverse:https://{HUB}@{mirror}"]
        proxy = self.serve(self.rules, mode=modes)
        with self.network.redirected(REDIRECTED, proxy.address.port):
            yield Redirected(self.network, self.trust, proxy, explicit, mirror)

    @contextmanager
    def denying(self) -> Iterator[Redirected]:
        """One that turns strangers away, and has everything as long as it lasts."""
        denying = self.rules | {"unknown_clients": "deny"}
        proxy = self.serve(denying, mode=["transparent"])
        with self.network.redirected(REDIRECTED, proxy.address.port):
            port = proxy.address.port
            yield Redirected(self.network, self.trust, proxy, port, port)


@contextmanager
def crossing(directory: Path, network: Network) -> Iterator[Crossing]:
    """Registries with qnib/bench at the addresses of a namespace, one on each port."""
    trust = Trust.below(directory, network.registry.v4, network.registry.v6)
    with ExitStack() as ends:
        for port, scheme in SCHEMES.items():
            below = directory / str(port)
            below.mkdir()
            site = network.registry
            running = docker_registry.serving(below, trust, scheme=scheme, site=site, port=port)
            registry = ends.enter_context(running)
            registry.push(REPOSITORY, TAG, qnib_bench())
            registry.push(PICKY, TAG, index_of((SKYLAKE,)))
        serve = ends.enter_context(proxies(directory, trust, network.proxy))
        yield Crossing(network, trust, _rules(network), serve)


def _rules(network: Network) -> Rules:
    """Two machine types by the ranges of their addresses, and registries in all spellings."""
    of_port = [f"{HOST}:{port}" for port in (TLS_PORT, PLAIN_PORT)]
    literal = [
        str(Address(address, port))
        for address in (network.registry.v4, network.registry.v6)
        for port in (TLS_PORT, PLAIN_PORT)
    ]
    networks = {
        "10.20.1.0/24": TYPE1,
        "fd00:20:1::/64": TYPE1,
        "10.20.2.0/24": TYPE2,
        "fd00:20:2::/64": TYPE2,
    }
    everywhere = table(Address(HOST, HTTPS)) | {
        "registries": [HOST, DOCKER_HUB, *of_port, *literal]
    }
    return with_networks(everywhere, networks)
