"""Nodes that know of no proxy: what they send to registries is redirected, and they are addresses.

And those that do know of it and have no password: their address is enough there too.
"""

import http
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from metahub.demo.address import LOOPBACK, Address, free_port
from metahub.demo.bench import REPOSITORY, TAG, User, qnib_bench
from metahub.proxy.gate import UNKNOWN_ADDRESS
from tests.e2e import registry as docker_registry
from tests.e2e.asker import Asker, digest_of, entries_of, message_of
from tests.e2e.clients.kinds import CLIENTS, COPIERS, RUNTIMES
from tests.e2e.clients.shape import Client, Spoken, Way
from tests.e2e.network import Network
from tests.e2e.nodes import Nodes
from tests.e2e.proxies import Serve, proxies
from tests.e2e.proxy import Proxy
from tests.e2e.registry import Registry
from tests.e2e.rules import TYPE1, TYPE2, Rules, table, with_networks
from tests.e2e.site import Namespace
from tests.e2e.trust import HERE, HOST, Trust
from tests.e2e.wire import SILENCE, Wire

HTTPS, HTTP, TLS_PORT, PLAIN_PORT = 443, 80, 5000, 5001
SCHEMES = {HTTPS: "https", HTTP: "http", TLS_PORT: "https", PLAIN_PORT: "http"}
OTHER_PORT = 7000  # redirected too; only a test listens there
REDIRECTED = (*SCHEMES, OTHER_PORT)

# As config.yaml has it: upstream is asked after the client, who can be told why it is not.
LAZY = {"connection_strategy": "lazy"}

KNOWN = {"node1": TYPE1, "node2": TYPE2}
NODES = (*KNOWN, "stranger")
BUILDS = tuple(str(image.manifest.digest) for image in qnib_bench().images)
SEEN = {TYPE1: BUILDS[1:2], TYPE2: BUILDS[2:3], None: BUILDS}

FAMILIES = pytest.mark.parametrize("family", ["v4", "v6"])


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

    def asker(self, name: str, family: str = "v4", port: int = HTTPS) -> Asker:
        """What a node asks of qnib/bench."""
        return Asker(self.wire(name, family, port), REPOSITORY)


@dataclass(frozen=True, slots=True)
class WithoutPort(Address):
    """A registry at the port that its scheme has by itself."""

    def __str__(self) -> str:
        return self.host


def address_as_named(port: int) -> Address:
    """A registry as people write it."""
    kind = WithoutPort if port in (HTTP, HTTPS) else Address
    return kind(HOST, port, SCHEMES[port])


def assert_got(user: User, client: Client, image: str) -> None:
    """The client pulls the build of its machine type; if it can run it, the line is the proof."""
    pull = client.pull(image)
    assert pull.worked, pull.seen
    if isinstance(client, RUNTIMES):
        assert client.run(image) == Spoken(0, user.gets.line + "\n", "")
    (build,) = (image for image in qnib_bench().images if str(image.manifest.digest) in SEEN[user])
    if isinstance(client, COPIERS):
        assert pull.digests & {str(build.manifest.digest), str(build.config.digest)}


@pytest.fixture(scope="module")
def directory(place: Path) -> Path:
    """Where this module keeps its parts."""
    directory = place / "redirected"
    directory.mkdir()
    return directory


@pytest.fixture(scope="module")
def trust(directory: Path, network: Network) -> Trust:
    """Registries at the addresses of a namespace."""
    return Trust.below(directory, network.registry.v4, network.registry.v6)


@pytest.fixture(scope="module")
def registries(directory: Path, network: Network, trust: Trust) -> Iterator[dict[int, Registry]]:
    """One on each port, with qnib/bench."""
    with ExitStack() as ends:

        def serving(port: int, scheme: str) -> Registry:
            below = directory / str(port)
            below.mkdir()
            site = network.registry
            running = docker_registry.serving(below, trust, scheme=scheme, site=site, port=port)
            registry = ends.enter_context(running)
            registry.push(REPOSITORY, TAG, qnib_bench())
            return registry

        yield {port: serving(port, scheme) for port, scheme in SCHEMES.items()}


@pytest.fixture(scope="module")
def rules(network: Network, registries: dict[int, Registry]) -> Rules:
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
    everywhere = table(registries[HTTPS].address) | {"registries": [HOST, *of_port, *literal]}
    return with_networks(everywhere, networks)


@pytest.fixture(scope="module")
def serve_redirected(directory: Path, network: Network, trust: Trust) -> Iterator[Serve]:
    """Starts proxies in the namespace between nodes and registry."""
    with proxies(directory, trust, network.proxy) as serve:
        yield serve


@pytest.fixture(scope="module")
def redirected(
    serve_redirected: Serve, network: Network, trust: Trust, rules: Rules
) -> Iterator[Redirected]:
    """The proxy that has all that nodes send to the ports of registries."""
    with network.proxy.entered():
        explicit = free_port()
    proxy = serve_redirected(rules, mode=["transparent", f"regular@{explicit}"], **LAZY)
    with network.redirected(REDIRECTED, proxy.address.port):
        yield Redirected(network, trust, proxy, explicit)


@pytest.mark.parametrize("port", SCHEMES)
@FAMILIES
@pytest.mark.parametrize("name", NODES)
def test_an_address_is_a_machine_type(
    name: str, family: str, port: int, redirected: Redirected
) -> None:
    """It sees the build of its range, on any port and with or without TLS; a stranger sees all."""
    asker = redirected.asker(name, family, port)
    answer = asker.get(TAG)
    assert tuple(entries_of(answer)) == SEEN[KNOWN.get(name)]
    assert asker.digest(TAG) == digest_of(answer)


def test_the_greeting_says_where_nodes_are_redirected_to(redirected: Redirected) -> None:
    """And what those set that know of the proxy."""
    said = redirected.proxy.said()
    assert f", 0.0.0.0:{redirected.proxy.address.port} (transparent)" in said
    assert f":{redirected.explicit}\n" in said


def test_what_was_served_can_be_asked_for_again(redirected: Redirected) -> None:
    """By its digest, over a connection of its own."""
    served = redirected.asker("node1").digest(TAG)
    again = redirected.asker("node1").get(served)
    assert (again.status, digest_of(again)) == (200, served)


@FAMILIES
@pytest.mark.parametrize("port", [TLS_PORT, PLAIN_PORT])
def test_a_registry_may_be_named_by_its_address(
    port: int, family: str, redirected: Redirected
) -> None:
    """TLS says no name then, and the Host header an address."""
    address = address_of(redirected.network.registry, family)
    wire = redirected.wire("node2", family, port, host=address)
    assert tuple(entries_of(Asker(wire, REPOSITORY).get(TAG))) == SEEN[TYPE2]


def test_the_name_in_the_handshake_counts(redirected: Redirected) -> None:
    """Whatever a request claims inside of it."""
    answer = redirected.asker("node1").get(TAG, {"Host": "other.test"})
    assert tuple(entries_of(answer)) == SEEN[TYPE1]


@FAMILIES
@pytest.mark.parametrize("is_named", [True, False])
def test_tls_with_others_is_tunnelled_unread(
    is_named: bool, family: str, redirected: Redirected
) -> None:
    """The node sees the origin's own certificate, whether or not the handshake says a name."""
    host = HERE if is_named else address_of(redirected.network.registry, family)
    through = redirected.wire("node1", family, HTTPS, host, redirected.trust.authority)
    assert through.ask("GET", "/v2/").status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        replace(through, trusted=redirected.proxy.authority).ask("GET", "/v2/")


@FAMILIES
@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nhOST: other.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: reg.test.other\r\n\r\n",
        b"EHLO other.test\r\n",
        b"\x00\x01\x02\x03",
    ],
)
def test_what_is_no_tls_is_tunnelled_unread(
    sent: bytes, family: str, redirected: Redirected
) -> None:
    """What arrives is what was sent, be it something that no HTTP proxy would pass on."""
    network = redirected.network
    there = (address_of(network.registry, family), OTHER_PORT)
    origin, node = _listening(*there, network.registry), _connected(*there, network.node1)
    with origin, node:
        node.sendall(sent)
        arrived, peer = _received(origin, answer=sent[::-1])
        assert (arrived, node.recv(65536)) == (sent, sent[::-1])
    assert peer != address_of(network.node1, family)  # it has gone through the proxy


def _received(origin: socket.socket, answer: bytes) -> tuple[bytes, str]:
    """What the next connection brings, and from where; it gets the answer."""
    connection, peer = origin.accept()
    with connection:
        connection.settimeout(SILENCE)
        arrived = connection.recv(65536)
        connection.sendall(answer)
    return arrived, peer[0]


def _listening(address: str, port: int, site: Namespace) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with site.entered():
        listening = socket.create_server((address, port), family=family)
    listening.settimeout(SILENCE)
    return listening


def _connected(address: str, port: int, site: Namespace) -> socket.socket:
    with site.entered():
        return socket.create_connection((address, port), SILENCE)


def test_what_is_not_redirected_goes_past_the_proxy(redirected: Redirected) -> None:
    """The namespaces alone change nothing: another port is reached as it is."""
    network = redirected.network
    there = (network.registry.v4, OTHER_PORT + 1)
    origin, node = _listening(*there, network.registry), _connected(*there, network.node1)
    with origin, node:
        node.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert _received(origin, answer=b"")[1] == network.node1.v4


@FAMILIES
def test_the_port_itself_leads_nowhere(family: str, redirected: Redirected) -> None:
    """Nothing has redirected such a connection: followed, it would lead to the proxy for ever."""
    network = redirected.network
    there = (address_of(network.proxy, family), redirected.proxy.address.port)
    with _connected(*there, network.node1) as node:
        node.sendall(b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n")
        assert node.recv(65536) == b""
    assert redirected.asker("node1").get(TAG).status == 200


@FAMILIES
def test_the_handshake_with_a_registry_without_tls_fails(
    family: str, redirected: Redirected
) -> None:
    """As a client expects that tries TLS first and asks without it then: docker, podman."""
    wire = redirected.wire("node1", family, PLAIN_PORT)
    with pytest.raises(ssl.SSLError, match="EOF occurred"):
        replace(wire, server=Address(HOST, PLAIN_PORT)).ask("GET", "/v2/")


def test_a_registry_with_port_80_alone_has_no_tls(redirected: Redirected) -> None:
    """Where nobody answers at all, the client learns that from an answer."""
    elsewhere = redirected.network.node2
    secured = replace(redirected.wire("node1", "v4", HTTPS), first=elsewhere.v4)
    assert Asker(secured, REPOSITORY).get(TAG).status == http.HTTPStatus.OK  # by its name
    assert secured.ask("GET", "/v2/").status == http.HTTPStatus.BAD_GATEWAY
    with _listening(elsewhere.v4, HTTP, elsewhere), pytest.raises(ssl.SSLError, match="EOF occ"):
        secured.ask("GET", "/v2/")


CASES = [
    pytest.param(kind, port, id=f"{kind.__name__}-{port}")
    for kind in CLIENTS
    for port in SCHEMES
    if SCHEMES[port] == "https" or kind in RUNTIMES
]


@pytest.mark.parametrize(("name", "family"), [("node1", "v4"), ("node2", "v6")])
@pytest.mark.parametrize(("kind", "port"), CASES)
def test_a_client_needs_no_setting(
    kind: type[Client], port: int, name: str, family: str, redirected: Redirected, nodes: Nodes
) -> None:
    """It knows where the registry is, and trusts the CA."""
    registry = address_as_named(port)
    way = redirected.way(name, family)
    client = nodes.start_on(kind, way, {registry: None}, [redirected.proxy.authority])
    assert_got(KNOWN[name], client, f"{registry}/{REPOSITORY}")


@pytest.mark.parametrize(("name", "family"), [("node1", "v4"), ("node2", "v6")])
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_asks_a_proxy_that_an_address_names(
    kind: type[Client], name: str, family: str, redirected: Redirected, nodes: Nodes
) -> None:
    """HTTPS_PROXY=http://[fd00:20::1]:8080, without a user; the proxy resolves the name."""
    registry = address_as_named(HTTPS)
    way = redirected.way_by_proxy(name, family)
    client = nodes.start_on(kind, way, {registry: None}, [redirected.proxy.authority])
    assert_got(KNOWN[name], client, f"{registry}/{REPOSITORY}")


@FAMILIES
@pytest.mark.parametrize("name", NODES)
def test_an_address_is_enough_where_the_proxy_is_known(
    name: str, family: str, redirected: Redirected
) -> None:
    """HTTPS_PROXY=http://[fd00:20::1]:8080, without a user."""
    first = address_of(redirected.network.proxy, family)
    proxy = Address(first, redirected.explicit, "http")
    wire = replace(redirected.wire(name, family, HTTPS), proxy=proxy, first=first)
    answer = Asker(wire, REPOSITORY).get(TAG)
    assert tuple(entries_of(answer)) == SEEN[KNOWN.get(name)]


@pytest.fixture(scope="module")
def denying(
    serve_redirected: Serve, network: Network, trust: Trust, rules: Rules
) -> Iterator[Redirected]:
    """A proxy that turns strangers away; as long as it runs, it is the one that has everything."""
    denying = rules | {"unknown_clients": "deny"}
    proxy = serve_redirected(denying, mode=["transparent"], **LAZY)
    with network.redirected(REDIRECTED, proxy.address.port):
        yield Redirected(network, trust, proxy, proxy.address.port)


@FAMILIES
@pytest.mark.parametrize("port", SCHEMES)
def test_a_stranger_is_told_why_it_is_turned_away(
    port: int, family: str, denying: Redirected
) -> None:
    """By the registry, as it believes: nobody asks for the password of a proxy it knows not of."""
    answer = denying.asker("stranger", family, port).get(TAG)
    assert (answer.status, answer.reason) == (403, UNKNOWN_ADDRESS)
    assert message_of(answer) == UNKNOWN_ADDRESS


@FAMILIES
def test_a_stranger_gets_no_tunnel(family: str, denying: Redirected) -> None:
    """Nothing is read there, so nothing can be said: the connection ends, and none is made."""
    network = denying.network
    there = (address_of(network.registry, family), OTHER_PORT)
    with _listening(*there, network.registry) as origin:
        with _connected(*there, network.stranger) as node:
            node.sendall(b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n")
            assert node.recv(65536) == b""
        origin.setblocking(False)
        with pytest.raises(BlockingIOError):
            origin.accept()
    tls = denying.wire("stranger", family, HTTPS, HERE, denying.trust.authority)
    with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
        tls.ask("GET", "/v2/")


@pytest.mark.parametrize("name", KNOWN)
def test_nobody_else_is_turned_away(name: str, denying: Redirected) -> None:
    """Neither from registries nor from others."""
    assert tuple(entries_of(denying.asker(name).get(TAG))) == SEEN[KNOWN[name]]
    tls = denying.wire(name, "v4", HTTPS, HERE, denying.trust.authority)
    assert tls.ask("GET", "/v2/").status == 200
