"""The table of the talk, printed by real containers; copiers bring the same builds."""

import pytest

from metahub.demo.bench import TABLE, TAG, User
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker
from tests.e2e.clients.kinds import COPIERS, RUNTIMES
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client, Runtime, Spoken
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import login_of
from tests.e2e.upstreams.registry import FORMATS, LOGIN, Registry


@pytest.mark.parametrize("repository", FORMATS)
@pytest.mark.parametrize("user", TABLE, ids=lambda user: user.name)
@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_runtime_runs_the_build_that_fits(
    kind: type[Runtime], user: User, repository: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """The plain name, pulled and run; the node records the digest of its own index."""
    image = f"{registry.address}/{repository}"
    client = nodes.start(kind, proxy, registry, login_of(user))
    pull = client.pull(image)
    assert pull.worked, pull.seen
    assert client.run(image) == Spoken(0, user.gets.line + "\n", "")
    asker = Asker.through(proxy, registry.address, user, repository, LOGIN)
    assert asker.digest(TAG) in pull.digests


@pytest.mark.parametrize("repository", FORMATS)
@pytest.mark.parametrize("user", TABLE, ids=lambda user: user.name)
@pytest.mark.parametrize("kind", COPIERS)
def test_a_copier_brings_the_build_that_fits(
    kind: type[Client], user: User, repository: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """It is known by its manifest, or by its config where the client keeps only that."""
    client = nodes.start(kind, proxy, registry, login_of(user))
    pull = client.pull(f"{registry.address}/{repository}")
    assert pull.worked, pull.seen
    image = image_of(user.gets, FORMATS[repository])
    assert pull.digests & {str(image.manifest.digest), str(image.config.digest)}
