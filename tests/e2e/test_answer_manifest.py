"""`answer: manifest`: a tag leads to the build itself, and nodes know upstream's digests only."""

import pytest

from metahub.demo.bench import BROADWELL_WITH_GPU, TAG, User, qnib_bench
from metahub.demo.images import DOCKER, OCI, Build, Format, Image, image_of
from tests.e2e.asking.asker import Asker, told
from tests.e2e.clients.kinds import COPIERS, RUNTIMES
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client, Runtime
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE4, login_of
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.choices import IMAGES, LEVEL3, LEVELS, NEWER, rules_for
from tests.e2e.upstreams.registry import LOGIN, Registry

# repository -> who asks, what it gets, and how that is written
CASES: dict[str, tuple[User, Build, Format]] = {
    "qnib/bench": (TYPE4, BROADWELL_WITH_GPU, OCI),
    "qnib/bench-docker": (TYPE4, BROADWELL_WITH_GPU, DOCKER),
    LEVELS: (NEWER, LEVEL3, OCI),
}
REPOSITORIES = pytest.mark.parametrize("repository", CASES)


@pytest.fixture(scope="module")
def proxy(serve_all: Serve, registry: Registry) -> Proxy:
    """A proxy that answers every tag so."""
    registry.push(LEVELS, TAG, IMAGES[LEVELS])
    everything = {"match": f"{registry.address}/*", "answer": "manifest"}
    return serve_all(rules_for(registry.address, NEWER, TYPE1, TYPE4) | {"images": [everything]})


@REPOSITORIES
@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_runtime_records_the_manifest_and_pulls_it_by_that_digest_too(
    kind: type[Runtime], repository: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """The digest is upstream's own: a node that nobody chooses for gets the same build by it."""
    user, image = _expected(repository)
    name = f"{registry.address}/{repository}"
    pinned = f"{name}@{image.manifest.digest}"
    for known, reference in ((login_of(user), name), (None, pinned)):
        client = nodes.start(kind, proxy, registry, known)
        pull = client.pull(reference)
        assert pull.worked, pull.seen
        assert pull.digests == {str(image.manifest.digest)}
        assert client.run(reference).printed == user.gets.line + "\n"


@REPOSITORIES
@pytest.mark.parametrize("kind", COPIERS)
def test_a_copier_records_the_manifest(
    kind: type[Client], repository: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """And its config, where the client calls the image by that."""
    user, image = _expected(repository)
    client = nodes.start(kind, proxy, registry, login_of(user))
    pull = client.pull(f"{registry.address}/{repository}")
    assert pull.worked, pull.seen
    assert str(image.manifest.digest) in pull.digests
    assert pull.digests <= {str(image.manifest.digest), str(image.config.digest)}


@REPOSITORIES
def test_head_and_get_are_those_of_the_manifest(
    repository: str, proxy: Proxy, registry: Registry
) -> None:
    """Type, length, digest and bytes; the same as by its digest."""
    user, image = _expected(repository)
    asker = Asker.through(proxy, registry.address, user, repository, LOGIN)
    manifest = image.manifest
    expected = (manifest.media_type, len(manifest.content), str(manifest.digest))
    references = (TAG, manifest.digest)
    answers = [ask(reference) for ask in (asker.head, asker.get) for reference in references]
    assert [told(answer) for answer in answers] == [expected] * 4
    assert [answer.body for answer in answers[2:]] == [manifest.content] * 2


@pytest.mark.parametrize("user", [TYPE1, None], ids=["type1", "unknown"])
def test_the_index_itself_is_still_there_by_its_digest(
    user: User | None, proxy: Proxy, registry: Registry
) -> None:
    """A pin is a pin."""
    index = qnib_bench().index
    asker = Asker.through(proxy, registry.address, user, "qnib/bench", LOGIN)
    assert asker.get(index.digest).body == index.content


def _expected(repository: str) -> tuple[User, Image]:
    user, build, image_format = CASES[repository]
    return user, image_of(build, image_format)
