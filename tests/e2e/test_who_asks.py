"""Who a node is: by user, by source address, or nobody; and what a stranger reads."""

import pytest

from metahub.demo.address import Login
from metahub.demo.bench import GENERIC, REPOSITORY, TAG, User, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.asking.wire import Answer, NoTunnelError
from tests.e2e.clients.buildah import Buildah
from tests.e2e.clients.containerd import Containerd
from tests.e2e.clients.cri import Cri
from tests.e2e.clients.docker import Docker
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.podman import Podman
from tests.e2e.clients.shape import Client, Spoken
from tests.e2e.clients.skopeo import Skopeo
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE2, TYPE4, login_of, table, with_networks
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.registry import Registry

INDEX = qnib_bench().index
NETWORKS = {"127.0.0.16/28": TYPE1, "127.0.0.18/32": TYPE2}
WRONG = Login("qnib-type4", "wrong")
NOBODY = Login("nobody", "wrong")

WRONG_CREDENTIALS = "MetaHub: wrong proxy user or password"
HEAD = f'Head "https://{{registry}}/v2/{REPOSITORY}/manifests/{TAG}": {WRONG_CREDENTIALS}'
PING = f'Get "https://{{registry}}/v2/": {WRONG_CREDENTIALS}'
SEEN: dict[type[Client], str] = {
    Docker: PING,
    Containerd: HEAD,
    Cri: HEAD,
    Podman: PING,
    Skopeo: PING,
    Buildah: PING,
}


@pytest.fixture(scope="module")
def by_network(serve_all: Serve, odd: OddRegistry, odd_plain: OddRegistry) -> Proxy:
    """A proxy that knows some source addresses."""
    for upstream in (odd, odd_plain):
        upstream.offer(REPOSITORY, TAG, INDEX)
    return serve_all(with_networks(table(odd.address, odd_plain.address), NETWORKS))


@pytest.mark.parametrize(
    ("source", "user", "gets"),
    [
        ("127.0.0.17", None, TYPE1),  # of the range
        ("127.0.0.18", None, TYPE2),  # the longest prefix wins
        ("127.0.0.17", TYPE4, TYPE4),  # a user beats a network
        ("127.0.0.32", TYPE4, TYPE4),
    ],
)
@pytest.mark.parametrize("is_plain", [False, True], ids=["TLS", "plain HTTP"])
def test_a_source_address_is_a_machine_type(
    is_plain: bool,
    source: str,
    user: User | None,
    gets: User,
    by_network: Proxy,
    odd: OddRegistry,
    odd_plain: OddRegistry,
) -> None:
    """Where a user says nothing else."""
    server = (odd_plain if is_plain else odd).address
    wire = by_network.wire(server, login_of(user) if user else None, source)
    answer = Asker(wire, REPOSITORY).get(TAG)
    assert entries_of(answer) == [str(image_of(gets.gets).manifest.digest)]


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.15", "127.0.0.32"])
def test_an_unknown_client_gets_the_unmodified_index(
    source: str, by_network: Proxy, odd: OddRegistry
) -> None:
    """Byte for byte, under its own digest."""
    asker = Asker(by_network.wire(odd.address, source=source), REPOSITORY)
    assert asker.get(TAG).body == INDEX.content
    assert asker.digest(TAG) == str(INDEX.digest)


def test_an_unknown_node_runs_the_first_build(
    nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """As without MetaHub, and it records D."""
    client, image = nodes.start(Containerd, proxy, registry), f"{registry.address}/{REPOSITORY}"
    pull = client.pull(image)
    assert pull.worked, pull.seen
    assert pull.digests == {str(INDEX.digest)}
    assert client.run(image) == Spoken(0, GENERIC.line + "\n", "")


@pytest.mark.parametrize("login", [WRONG, NOBODY], ids=["wrong password", "no such user"])
def test_wrong_credentials_are_refused_in_the_same_words(
    login: Login, by_network: Proxy, odd: OddRegistry, odd_plain: OddRegistry
) -> None:
    """They do not say whether the user exists, and an address that is known does not help."""
    for answer in _refusals(by_network, login, "127.0.0.17", odd, odd_plain):
        assert (answer.status, answer.reason) == (407, WRONG_CREDENTIALS)
        assert answer.headers["proxy-authenticate"].startswith('Basic realm="MetaHub"')


def test_a_stranger_is_refused_where_the_rules_say_so(
    serve: Serve, odd: OddRegistry, odd_plain: OddRegistry
) -> None:
    """`unknown_clients: deny` asks for a user; a known one is let in."""
    proxy = serve(table(odd.address, odd_plain.address) | {"unknown_clients": "deny"})
    for answer in _refusals(proxy, None, "127.0.0.1", odd, odd_plain):
        assert (answer.status, answer.reason[:7]) == (407, "MetaHub")
        assert answer.headers["proxy-authenticate"].startswith('Basic realm="MetaHub"')
    odd.offer(REPOSITORY, TAG, INDEX)
    assert Asker.through(proxy, odd.address, TYPE1).get(TAG).status == 200


@pytest.mark.parametrize(("kind", "words"), SEEN.items())
def test_a_wrong_password_is_told_on_every_screen(
    kind: type[Client], words: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """What a person reads who pulls with it."""
    pull = nodes.start(kind, proxy, registry, WRONG).pull(f"{registry.address}/{REPOSITORY}")
    assert not pull.worked
    assert words.format(registry=registry.address) in pull.seen.replace("\\", "")


def _refusals(
    proxy: Proxy, login: Login | None, source: str, odd: OddRegistry, odd_plain: OddRegistry
) -> tuple[Answer, Answer]:
    with pytest.raises(NoTunnelError) as refused:
        Asker(proxy.wire(odd.address, login, source), REPOSITORY).get(TAG)
    plain = Asker(proxy.wire(odd_plain.address, login, source), REPOSITORY).get(TAG)
    return refused.value.answer, plain
