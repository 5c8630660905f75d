"""What real clients run where a build says in other words than `features` what it requires."""

import json

import pytest

from metahub.core.index import REFERENCE_DIGEST
from metahub.demo.bench import TAG, User
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.clients.kinds import COPIERS, RUNTIMES
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client, Runtime, Spoken
from tests.e2e.clients.skopeo import Skopeo
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import login_of
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.attestations import attestation_of
from tests.e2e.upstreams.choices import (
    ALONE,
    ATTESTED,
    IMAGES,
    LEVELS,
    NEWER,
    OLDER,
    OS_FEATURES,
    PLAIN,
    WITH_FEATURES,
    rules_for,
)
from tests.e2e.upstreams.registry import LOGIN, Registry

BOTH = pytest.mark.parametrize("user", [NEWER, OLDER], ids=lambda user: user.name)


@pytest.fixture(scope="module")
def proxy(serve_all: Serve, registry: Registry) -> Proxy:
    """A proxy that knows the two machine types; the registry has all the images."""
    for repository, images in IMAGES.items():
        registry.push(repository, TAG, images)
    return serve_all(rules_for(registry.address))


@BOTH
@pytest.mark.parametrize("repository", IMAGES)
@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_runtime_runs_the_best_that_the_machine_can(
    kind: type[Runtime], repository: str, user: User, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """The newer CPU gets the build for Haswell, the older one the plain build."""
    image = f"{registry.address}/{repository}"
    client = nodes.start(kind, proxy, registry, login_of(user))
    pull = client.pull(image)
    assert pull.worked, pull.seen
    assert _line_of(client.run(image)) == user.gets.line


@pytest.mark.parametrize("repository", IMAGES)
@pytest.mark.parametrize("kind", RUNTIMES)
def test_alone_a_runtime_runs_what_it_takes_for_best(
    kind: type[Runtime], repository: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """Whoever the proxy does not know gets upstream's index: on every CPU the same build."""
    image = f"{registry.address}/{repository}"
    client = nodes.start(kind, proxy, registry)
    pull = client.pull(image)
    assert pull.worked, pull.seen
    assert _line_of(client.run(image)) == ALONE[repository].line


@BOTH
@pytest.mark.parametrize("repository", [LEVELS, OS_FEATURES])
@pytest.mark.parametrize("kind", COPIERS)
def test_a_copier_brings_the_best_that_the_machine_can(
    kind: type[Client], repository: str, user: User, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """It is known by its manifest, or by its config where the client keeps only that."""
    pull = nodes.start(kind, proxy, registry, login_of(user)).pull(
        f"{registry.address}/{repository}"
    )
    assert pull.worked, pull.seen
    better, plain = IMAGES[repository].images
    image = better if user is NEWER else plain
    assert pull.digests & {str(image.manifest.digest), str(image.config.digest)}


@BOTH
def test_attestations_live_and_die_with_what_they_speak_of(
    user: User, proxy: Proxy, registry: Registry
) -> None:
    """The build that is left, and the one statement about it."""
    answer = Asker.through(proxy, registry.address, user, ATTESTED, LOGIN).get(TAG)
    image = image_of(WITH_FEATURES if user is NEWER else PLAIN)
    manifests = (image.manifest, attestation_of(image).manifest)
    assert entries_of(answer) == [str(manifest.digest) for manifest in manifests]
    spoken_of = json.loads(answer.body)["manifests"][1]["annotations"][REFERENCE_DIGEST]
    assert spoken_of == str(image.manifest.digest)


@pytest.mark.parametrize("repository", IMAGES)
def test_a_copy_of_what_was_served_is_an_image_like_any_other(
    repository: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """Its index still says what the build requires: it runs where it can, and not elsewhere."""
    copy = f"{repository}-copied"
    names = [f"{registry.address}/{name}" for name in (repository, copy)]
    copied = nodes.start(Skopeo, proxy, registry, login_of(NEWER)).copy(*names)
    assert copied.exit_code == 0, copied.seen
    served, newer, older, unknown = (
        Asker.through(proxy, registry.address, user, name, LOGIN).get(TAG)
        for user, name in ((NEWER, repository), (NEWER, copy), (OLDER, copy), (None, copy))
    )
    assert newer.body == served.body == unknown.body
    assert older.status == 403


@pytest.mark.parametrize("user", [NEWER, None], ids=["newer", "unknown"])
@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_runtime_runs_the_copy_with_and_without_metahub(
    kind: type[Runtime], user: User | None, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """Nothing in it is a reason to refuse: of the v3 that it was, `features` alone speaks."""
    copy = f"{registry.address}/{LEVELS}-for-runtimes"
    nodes.start(Skopeo, proxy, registry, login_of(NEWER)).copy(f"{registry.address}/{LEVELS}", copy)
    client = nodes.start(kind, proxy, registry, login_of(user) if user else None)
    pull = client.pull(copy)
    assert pull.worked, pull.seen
    assert _line_of(client.run(copy)) == NEWER.gets.line


def _line_of(ran: Spoken) -> str:
    """What a container printed; docker also warns of a v3 in an image's config, and runs it."""
    assert ran.exit_code == 0, ran.seen
    return ran.printed.rstrip("\n")
