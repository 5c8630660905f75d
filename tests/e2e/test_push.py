"""Pushes over the proxy, in each of the ways of the spec: the registry gets what was sent."""

from urllib.parse import quote_plus

import pytest

from metahub.core.digest import Digest
from metahub.demo.bench import BROADWELL, REPOSITORY, TAG, User, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.asking.uploads import Uploads
from tests.e2e.asking.wire import Wire
from tests.e2e.clients.docker import Docker
from tests.e2e.clients.nodes import Nodes
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of
from tests.e2e.upstreams.registry import LOGIN, Registry

CONTENT = bytes(range(256)) * 20_000
CHUNK = 1 << 20

WHO = pytest.mark.parametrize("user", [TYPE1, None], ids=["known", "unknown"])


def uploads(repository: str, proxy: Proxy, registry: Registry, user: User | None) -> Uploads:
    """A repository over the proxy."""
    wire = proxy.wire(registry.address, login_of(user) if user else None)
    return Uploads(wire, repository, LOGIN)


def arrived(repository: str, digest: object, registry: Registry) -> bytes:
    """What the registry has, asked past the proxy."""
    direct = Wire(registry.here, registry.trust.authority)
    answer = Asker(direct, repository, LOGIN).blob(digest)
    assert answer.status == 200, answer
    return answer.body


@WHO
@pytest.mark.parametrize("chunk", [None, CHUNK], ids=["monolithic", "chunked"])
def test_a_blob_arrives_as_it_was_sent(
    chunk: int | None, user: User | None, proxy: Proxy, registry: Registry
) -> None:
    """In one piece or in several, each at its place."""
    repository = f"pushed/{'chunks' if chunk else 'one'}-{user.name if user else 'nobody'}"
    to = uploads(repository, proxy, registry, user)
    answer = to.in_chunks(CONTENT, chunk) if chunk else to.at_once(CONTENT)
    digest = Digest.of(CONTENT)
    assert (answer.status, answer.headers["docker-content-digest"]) == (201, str(digest))
    assert arrived(repository, digest, registry) == CONTENT


@WHO
def test_a_blob_is_mounted_from_another_repository(
    user: User | None, proxy: Proxy, registry: Registry
) -> None:
    """Nothing is sent that the registry has."""
    layer = image_of(BROADWELL).layers[0]
    repository = f"pushed/mounted-{user.name if user else 'nobody'}"
    answer = uploads(repository, proxy, registry, user).mounted(layer.digest, REPOSITORY)
    assert answer.status == 201
    assert arrived(repository, layer.digest, registry) == layer.content


def test_who_pushes_an_index_gets_its_digest_back(proxy: Proxy, registry: Registry) -> None:
    """That of what was sent, although the tag is another index for this machine type from then."""
    repository, index = "pushed/index", qnib_bench()
    registry.push(repository, "before", index)
    to = uploads(repository, proxy, registry, TYPE1)
    answer = to.manifest(TAG, index.index)
    assert (answer.status, answer.headers["docker-content-digest"]) == (
        201,
        str(index.index.digest),
    )
    seen = Asker.through(proxy, registry.address, TYPE1, repository, LOGIN).get(TAG)
    assert entries_of(seen) == [str(image_of(TYPE1.gets).manifest.digest)]


def test_docker_mounts_what_the_registry_has(
    nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """What it pulled from one repository it does not send to another."""
    client = nodes.start(Docker, proxy, registry, login_of(TYPE1))
    image, repository = f"{registry.address}/{REPOSITORY}", "pushed/by-docker"
    assert client.pull(image).worked
    pushed = client.push(image, f"{registry.address}/{repository}")
    assert pushed.exit_code == 0, pushed.seen
    layer = image_of(TYPE1.gets).layers[0].digest
    begun = [seen for seen in registry.accesses() if f"/{repository}/blobs/uploads/" in seen.path]
    mounted = [seen.status for seen in begun if f"mount={quote_plus(str(layer))}" in seen.path]
    assert mounted == [201]
