"""Nodes that know of no proxy: what they send to registries is redirected, and they are addresses.

And those that do know of it and have no password: their address is enough there too.
"""

import http
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace

import pytest

from metahub.demo.address import Address
from metahub.demo.bench import REPOSITORY, TAG
from metahub.proxy.gate import UNKNOWN_ADDRESS
from tests.e2e.asking.asker import Asker, digest_of, entries_of, message_of
from tests.e2e.asking.wire import SILENCE
from tests.e2e.clients.kinds import RUNTIMES
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Runtime, Spoken
from tests.e2e.machine.network import METADATA
from tests.e2e.machine.site import Namespace
from tests.e2e.proxies.redirected import (
    HTTP,
    HTTPS,
    KNOWN,
    NODES,
    OTHER_PORT,
    PLAIN_PORT,
    SCHEMES,
    SEEN,
    TLS_PORT,
    Crossing,
    Redirected,
    address_as_named,
    address_of,
)
from tests.e2e.proxies.rules import TYPE1, TYPE2
from tests.e2e.upstreams.trust import HERE, HOST

# What OpenSSL makes of an HTTP answer where it wanted a ServerHello.
NO_TLS = pytest.raises(ssl.SSLError, match=r"WRONG_VERSION_NUMBER|RECORD_LAYER")

FAMILIES = pytest.mark.parametrize("family", ["v4", "v6"])


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
    port = redirected.proxy.address.port
    assert f"\n  and on   0.0.0.0:{port}, [::]:{port} (transparent)\n" in said
    assert f":{redirected.mirror} (mirror of https://registry-1.docker.io)\n" in said
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


@pytest.mark.parametrize("port", [HTTP, HTTPS])
def test_a_clouds_metadata_is_nobodys_registry(port: int, redirected: Redirected) -> None:
    """Whatever host the node says that it is; who wanted to go there is told."""
    wire = replace(redirected.wire("node1", "v4", port), first=METADATA)
    if port == HTTP:
        answer = wire.ask("GET", "/latest/meta-data/")
        assert (answer.status, answer.reason[:43]) == (
            403,
            f"MetaHub: {METADATA}:80 is refused: 169",
        )
    else:
        with pytest.raises((ssl.SSLError, OSError)):
            wire.ask("GET", "/latest/meta-data/")
    said = redirected.proxy.said()
    assert f"MetaHub: {METADATA}:{port} is refused: {METADATA} is a link-local address" in said


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
    with NO_TLS:
        replace(wire, server=Address(HOST, PLAIN_PORT)).ask("GET", "/v2/")


def test_a_registry_with_port_80_alone_has_no_tls(redirected: Redirected) -> None:
    """Where nobody answers at all, the client learns that from an answer."""
    elsewhere = redirected.network.node2
    secured = replace(redirected.wire("node1", "v4", HTTPS), first=elsewhere.v4)
    assert Asker(secured, REPOSITORY).get(TAG).status == http.HTTPStatus.OK  # by its name
    assert secured.ask("GET", "/v2/").status == http.HTTPStatus.BAD_GATEWAY
    with _listening(elsewhere.v4, HTTP, elsewhere), NO_TLS:
        secured.ask("GET", "/v2/")


@pytest.mark.parametrize("port", [HTTP, PLAIN_PORT])
@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_runtime_needs_no_setting_but_that_there_is_no_tls(
    kind: type[Runtime], port: int, redirected: Redirected, nodes: Nodes
) -> None:
    """It knows where the registry is; docker tries TLS all the same."""
    registry = address_as_named(port)
    way, authorities = redirected.way("node1", "v4"), [redirected.proxy.authority]
    client = nodes.start_on(kind, way, {registry: None}, authorities)
    image = f"{registry}/{REPOSITORY}"
    pull = client.pull(image)
    assert pull.worked, pull.seen
    assert client.run(image) == Spoken(0, KNOWN["node1"].gets.line + "\n", "")


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
def denying(crossing: Crossing) -> Iterator[Redirected]:
    """A proxy that turns strangers away."""
    with crossing.denying() as running:
        yield running


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
