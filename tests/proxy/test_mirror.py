"""The proxy as a registry mirror: which registry is asked, and in what words."""

import http.client
import logging
from urllib.parse import quote

import pytest

from metahub.demo.address import LOOPBACK, Address
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.asking.wire import Wire
from tests.e2e.proxies.rules import TYPE1, TYPE2, table, with_networks
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import Trust
from tests.proxy.running import ProxyInThread, Serve

INDEX = qnib_bench().index
MANIFEST = f"/v2/{REPOSITORY}/manifests/{TAG}"
BLOB = f"/v2/{REPOSITORY}/blobs/sha256:{'0' * 64}"
NETWORKS = {"127.1.0.1/32": TYPE1, "127.1.0.2/32": TYPE2}


@pytest.fixture
def mirror(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A mirror of the upstream, which knows two addresses."""
    odd.offer(REPOSITORY, TAG, INDEX)
    rules = with_networks(table(odd.address), NETWORKS)
    return serve(rules, mode=[f"reverse:{odd.address.url}"])


def wire(mirror: ProxyInThread, source: str = "127.1.0.1", scheme: str = "http") -> Wire:
    """A way to the mirror itself, as a client that is told of it."""
    address = Address(LOOPBACK, mirror.address.port, scheme)
    return Wire(address, mirror.authority, source=source)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("source", "gets"), [("127.1.0.1", TYPE1), ("127.1.0.2", TYPE2)])
def test_a_mirror_knows_its_clients_by_their_address(
    source: str, gets: object, scheme: str, mirror: ProxyInThread
) -> None:
    """With and without TLS towards them, by tag and by digest."""
    build = {TYPE1: 1, TYPE2: 2}[gets]  # type: ignore[index]
    asker = Asker(wire(mirror, source, scheme), REPOSITORY)
    answer = asker.get(asker.digest(TAG))
    assert entries_of(answer) == [str(qnib_bench().images[build].manifest.digest)]


def test_a_stranger_gets_upstreams_index(mirror: ProxyInThread) -> None:
    """Byte for byte."""
    assert Asker(wire(mirror, LOOPBACK), REPOSITORY).get(TAG).body == INDEX.content


def test_a_stranger_is_refused_where_the_rules_say_so(serve: Serve, odd: OddRegistry) -> None:
    """There is no proxy here that could be given a password."""
    rules = table(odd.address) | {"unknown_clients": "deny"}
    mirror = serve(rules, mode=[f"reverse:{odd.address.url}"])
    assert wire(mirror).ask("GET", MANIFEST).status == 403
    assert not odd.asked


@pytest.mark.parametrize("path", [MANIFEST, BLOB, "/v2/"])
def test_a_namespace_is_for_the_mirror_alone(
    path: str, mirror: ProxyInThread, odd: OddRegistry
) -> None:
    """The registry is asked as by a client that knows no mirror."""
    wire(mirror).ask("GET", f"{path}?ns={odd.address}")
    assert {asked.path.partition("?")[2] for asked in odd.asked} == {""}


def test_one_mirror_serves_all_registries(serve: Serve, odd: OddRegistry, trust: Trust) -> None:
    """Each by its name; without one it is that of the mode."""
    with OddRegistry(trust.pair.server_context()) as other:
        rules = with_networks(table(odd.address, other.address), NETWORKS)
        mirror = serve(rules, mode=[f"reverse:{odd.address.url}"])
        other.offer(REPOSITORY, TAG, INDEX)
        other[BLOB] = Reply(b"a layer")
        asked = wire(mirror)
        answer = asked.ask("GET", f"{MANIFEST}?ns={other.address}")
        assert entries_of(answer) == [str(image_of(TYPE1.gets).manifest.digest)]
        assert asked.ask("GET", f"{BLOB}?ns={other.address}").body == b"a layer"
        assert asked.ask("GET", BLOB).status == 404
        assert [seen.path for seen in odd.asked] == [BLOB]
        assert {seen.headers["host"] for seen in other.asked} == {str(other.address)}


def test_who_is_sent_on_within_a_registry_names_it_again(
    mirror: ProxyInThread, odd: OddRegistry
) -> None:
    """The path is the mirror's for this client."""
    for method, there in (("GET", "/cdn/1"), ("POST", "https://cdn.test/1")):
        odd[method, BLOB] = Reply(status=307, headers={"Location": there})
    names = f"ns={quote(str(odd.address), safe='')}"
    asked = wire(mirror)
    assert asked.ask("GET", f"{BLOB}?{names}").headers["location"] == f"/cdn/1?{names}"
    assert asked.ask("POST", f"{BLOB}?{names}").headers["location"] == "https://cdn.test/1"
    assert asked.ask("GET", BLOB).headers["location"] == "/cdn/1"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("name", ["elsewhere.test", "127.0.0.1:1", "", "a b"])
def test_no_other_host_is_asked(
    name: str, method: str, mirror: ProxyInThread, odd: OddRegistry
) -> None:
    """A mirror is no way to anywhere; its client goes on to the registry itself."""
    answer = wire(mirror).ask(method, f"{MANIFEST}?ns={name.replace(' ', '%20')}")
    assert answer.status == 404
    assert answer.reason == f"MetaHub: {name} is no registry that this mirror has"
    assert not odd.asked


def test_who_sends_a_body_for_another_host_is_cut_off(
    mirror: ProxyInThread, odd: OddRegistry
) -> None:
    """Before any of it is read."""
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        wire(mirror).ask("PUT", f"{BLOB}?ns=elsewhere.test", body=bytes(1 << 20))
    assert not odd.asked


@pytest.mark.parametrize(
    ("mirrored", "doubt"),
    [
        (
            "localhost:1",
            "localhost:1 is not in `registries`, so that what is pulled from it is not looked at",
        ),
        (
            "docker.io",
            "docker.io is a name of images only; the registry answers at registry-1.docker.io: "
            "mirror that",
        ),
        ("registry-1.docker.io", None),
        ("ghcr.io", None),
    ],
)
def test_a_mirror_that_is_surely_not_meant_is_told_at_the_start(
    mirrored: str,
    doubt: str | None,
    serve: Serve,
    odd: OddRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It would change nothing, or answer no pull."""
    rules = table(odd.address) | {"registries": ["docker.io", "ghcr.io"]}
    mode = f"reverse:https://{mirrored}"
    serve(rules, mode=[mode])
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    told = [message for message in warnings if message.startswith("mode ")]
    assert told == ([f"mode {mode}: {doubt}"] if doubt else [])
