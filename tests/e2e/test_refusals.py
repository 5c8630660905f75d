"""Nothing fits: what a person gets to read."""

import pytest

from metahub.demo.bench import BROADWELL, SKYLAKE, TAG
from metahub.demo.images import index_of
from tests.e2e.asking.asker import Asker, message_of
from tests.e2e.clients.containerd import Containerd
from tests.e2e.clients.cri import Cri
from tests.e2e.clients.kinds import CLIENTS
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.redirected import MIRRORED, PICKY, Redirected
from tests.e2e.proxies.rules import TYPE3, login_of
from tests.e2e.upstreams.registry import LOGIN, Registry

REPOSITORY = "qnib/picky"


@pytest.fixture(scope="module", autouse=True)
def picky(registry: Registry) -> None:
    """An index without a generic build: there is none for type3."""
    registry.push(REPOSITORY, TAG, index_of((BROADWELL, SKYLAKE)))


def test_a_refusal_is_one_sentence(proxy: Proxy, registry: Registry) -> None:
    """It names the image, the machine type and what the nearest entries want."""
    asker = Asker.through(proxy, registry.address, TYPE3, REPOSITORY, LOGIN)
    head, answer = asker.head(TAG), asker.get(TAG)
    sentence = message_of(answer)
    assert (head.status, answer.status) == (403, 403)
    for word in ("MetaHub", f"{registry.address}/{REPOSITORY}", "type3", "cpu:broadwell"):
        assert word in sentence
    assert head.reason == answer.reason
    assert sentence.startswith(answer.reason.removesuffix("..."))
    assert (answer.headers["content-type"], head.body) == ("application/json", b"")


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_refusal_is_on_every_screen(
    kind: type[Client], nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """Containerd asks with HEAD, so it has only the reason phrase to show."""
    client = nodes.start(kind, proxy, registry, login_of(TYPE3))
    pull = client.pull(f"{registry.address}/{REPOSITORY}")
    answer = Asker.through(proxy, registry.address, TYPE3, REPOSITORY, LOGIN).get(TAG)
    by_head = kind in (Containerd, Cri)
    words = f"403 {answer.reason}" if by_head else f"denied: {message_of(answer)}"
    assert not pull.worked
    assert words in pull.seen


@pytest.mark.parametrize("kind", [Containerd, Cri])
def test_a_mirror_refuses_in_the_same_words(
    kind: type[Client], nodes: Nodes, redirected: Redirected
) -> None:
    """And has the last word, where containerd is told of no other server."""
    way, authorities = redirected.way_by_mirror("node1"), [redirected.proxy.authority]
    client = nodes.start_on(kind, way, {MIRRORED: None}, authorities)
    pull = client.pull(f"{MIRRORED}/{PICKY}")
    assert not pull.worked
    assert f"403 MetaHub: no build of {MIRRORED}/{PICKY} fits machine type type1" in pull.seen
