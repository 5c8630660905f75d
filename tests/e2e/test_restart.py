"""A D' that a node holds is never unknown, whatever happened to the proxy since."""

import pytest

from metahub.demo.bench import REPOSITORY, TABLE, TAG, qnib_bench
from tests.e2e.asker import Asker, digest_of
from tests.e2e.clients.containerd import Containerd
from tests.e2e.clients.shape import Spoken
from tests.e2e.nodes import Nodes
from tests.e2e.odd_registry import OddRegistry
from tests.e2e.proxies import Serve
from tests.e2e.proxy import Proxy
from tests.e2e.registry import Registry
from tests.e2e.rules import TYPE4, login_of, table


@pytest.fixture
def restless(serve: Serve, odd: OddRegistry) -> Proxy:
    """A proxy of the test's own, before an upstream that has the index."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    return serve(table(odd.address))


def test_a_restart_between_head_and_get(restless: Proxy, odd: OddRegistry) -> None:
    """Containerd asks for the digest of its HEAD, and gets that index."""
    asker = Asker.through(restless, odd.address, TYPE4)
    digest = asker.digest(TAG)
    restless.restart()
    answer = asker.get(digest)
    assert (answer.status, digest_of(answer)) == (200, digest)


def test_a_kill_right_after_the_answers(restless: Proxy, odd: OddRegistry) -> None:
    """What was answered had been kept before: after a kill -9 every D' is still known."""
    askers = [Asker.through(restless, odd.address, user) for user in TABLE]
    digests = [asker.digest(TAG) for asker in askers]
    restless.kill()
    restless.start()
    answers = [asker.get(digest) for asker, digest in zip(askers, digests, strict=True)]
    assert [digest_of(answer) for answer in answers] == digests


def test_a_digest_is_known_when_the_tag_has_moved_on(restless: Proxy, odd: OddRegistry) -> None:
    """Upstream still has D, and that is what it is asked for."""
    asker = Asker.through(restless, odd.address, TYPE4)
    digest = asker.digest(TAG)
    del odd.replies[f"/v2/{REPOSITORY}/manifests/{TAG}"]
    restless.restart()
    assert digest_of(asker.get(digest)) == digest
    assert asker.head(TAG).status == 404


def test_containerd_pulls_again_by_digest(serve: Serve, nodes: Nodes, registry: Registry) -> None:
    """After a restart, the node that has D' already and a new one both pull it and run."""
    proxy, image = serve(table(registry.address)), f"{registry.address}/{REPOSITORY}"
    login = login_of(TYPE4)
    old = nodes.start(Containerd, proxy, registry, login)
    (digest,) = old.pull(image).digests
    proxy.restart()
    for client in (old, nodes.start(Containerd, proxy, registry, login)):
        pull = client.pull(f"{image}@{digest}")
        assert pull.worked, pull.seen
        assert pull.digests == {digest}
        assert client.run(f"{image}@{digest}") == Spoken(0, TYPE4.gets.line + "\n", "")


def test_a_node_pulls_the_tag_again(serve: Serve, nodes: Nodes, registry: Registry) -> None:
    """Containerd asks for D' although it has all of it; D' is answered."""
    proxy, image = serve(table(registry.address)), f"{registry.address}/{REPOSITORY}"
    client = nodes.start(Containerd, proxy, registry, login_of(TYPE4))
    first = client.pull(image)
    proxy.restart()
    second = client.pull(image)
    assert (second.exit_code, second.digests) == (0, first.digests), second.seen
