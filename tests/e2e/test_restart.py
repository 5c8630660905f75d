"""A D' that a node holds is never unknown, whatever happened to the proxy since."""

import pytest

from metahub.demo.bench import REPOSITORY, TABLE, TAG
from tests.e2e.asking.asker import Asker, digest_of
from tests.e2e.clients.containerd import Containerd
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Spoken
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE4, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.indexes import unseen
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.registry import Registry


@pytest.fixture(scope="module")
def restless(serve_all: Serve, odd: OddRegistry) -> Proxy:
    """A proxy that the tests restart and kill."""
    return serve_all(table(odd.address))


@pytest.fixture
def repository(request: pytest.FixtureRequest, restless: Proxy, odd: OddRegistry) -> str:
    """One with an index that nobody has asked for yet; and the proxy runs, whatever was before."""
    name = f"restless/{request.node.name}"
    odd.offer(name, TAG, unseen(name))
    restless.ensure_running()
    return name


def test_a_restart_between_head_and_get(repository: str, restless: Proxy, odd: OddRegistry) -> None:
    """Containerd asks for the digest of its HEAD, and gets that index."""
    asker = Asker.through(restless, odd.address, TYPE4, repository)
    digest = asker.digest(TAG)
    restless.restart()
    answer = asker.get(digest)
    assert (answer.status, digest_of(answer)) == (200, digest)


def test_a_kill_right_after_the_answers(repository: str, restless: Proxy, odd: OddRegistry) -> None:
    """What was answered had been kept before: after a kill -9 every D' is still known."""
    askers = [Asker.through(restless, odd.address, user, repository) for user in TABLE]
    digests = [asker.digest(TAG) for asker in askers]
    restless.kill()
    restless.start()
    answers = [asker.get(digest) for asker, digest in zip(askers, digests, strict=True)]
    assert [digest_of(answer) for answer in answers] == digests


def test_a_digest_is_known_when_the_tag_has_moved_on(
    repository: str, restless: Proxy, odd: OddRegistry
) -> None:
    """Upstream still has D, and that is what it is asked for."""
    asker = Asker.through(restless, odd.address, TYPE4, repository)
    digest = asker.digest(TAG)
    del odd.replies[f"/v2/{repository}/manifests/{TAG}"]
    restless.restart()
    assert digest_of(asker.get(digest)) == digest
    assert asker.head(TAG).status == 404


def test_containerd_pulls_again(serve: Serve, nodes: Nodes, registry: Registry) -> None:
    """After a restart: the tag and D' where all of it is there already, and D' on a new node."""
    proxy, image = serve(table(registry.address)), f"{registry.address}/{REPOSITORY}"
    old = nodes.start(Containerd, proxy, registry, login_of(TYPE4))
    (digest,) = old.pull(image).digests
    proxy.restart()
    new = nodes.start(Containerd, proxy, registry, login_of(TYPE4))
    pinned = f"{image}@{digest}"
    for client, name in ((old, image), (old, pinned), (new, pinned)):
        pull = client.pull(name)
        assert pull.worked, pull.seen
        assert pull.digests == {digest}
    assert new.run(pinned) == Spoken(0, TYPE4.gets.line + "\n", "")
