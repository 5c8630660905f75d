"""Builds under tags of their own in a real registry: a dynamic list, and variants of every tag."""

import re

import pytest

from metahub.demo.bench import BROADWELL, BROADWELL_WITH_GPU, GENERIC, TAG, User
from metahub.demo.images import Build, IndexedImages, image_of
from tests.e2e.asking.asker import Asker, told
from tests.e2e.clients.kinds import COPIERS, RUNTIMES
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client, Runtime, Spoken
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE2, TYPE3, TYPE4, Rules, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.registry import LOGIN, Registry

LISTED, VARIED = "tags/listed", "tags/varied"

# tag -> build; no tag is an index, and nobody pushed tags/listed:latest
TAGS: dict[str, dict[str, Build]] = {
    LISTED: {"cpu-broadwell": BROADWELL, "gpu": BROADWELL_WITH_GPU, "generic": GENERIC},
    VARIED: {"2.0": GENERIC, "2.0-broadwell": BROADWELL, "1.0-gpu": BROADWELL_WITH_GPU},
}

# What each gets by a tag that was never pushed, or only as the generic build.
GETS: dict[tuple[str, str], dict[User, Build]] = {
    (LISTED, TAG): {
        TYPE1: BROADWELL,
        TYPE2: BROADWELL,  # a Skylake runs it, too
        TYPE3: GENERIC,
        TYPE4: BROADWELL_WITH_GPU,
    },
    (VARIED, "2.0"): {
        TYPE1: BROADWELL,
        TYPE2: BROADWELL,
        TYPE3: GENERIC,
        TYPE4: BROADWELL,  # the closer one is missing
    },
    (VARIED, "1.0"): {TYPE4: BROADWELL_WITH_GPU},
}
NAMES = pytest.mark.parametrize(("repository", "tag"), GETS)


@pytest.fixture(scope="module")
def proxy(serve_all: Serve, registry: Registry) -> Proxy:
    """A proxy with the list in a file of its own, as it is given to manifest-tool."""
    for repository, builds in TAGS.items():
        for tag, build in builds.items():
            image = image_of(build)
            registry.push(repository, tag, IndexedImages(image.manifest, (image,)))
    proxy = serve_all(table(registry.address) | {"images": [_varied(registry)]})
    proxy.rule(_list(registry), "list.yaml")
    asker = Asker.through(proxy, registry.address, TYPE1, LISTED, LOGIN)
    assert eventually(lambda: asker.head(TAG).status == 200)
    return proxy


@NAMES
def test_each_machine_type_gets_the_best_tag_that_exists(
    repository: str, tag: str, proxy: Proxy, registry: Registry
) -> None:
    """HEAD and GET agree, and what is served is upstream's own manifest."""
    for user, build in GETS[repository, tag].items():
        asker = Asker.through(proxy, registry.address, user, repository, LOGIN)
        head, get = asker.head(tag), asker.get(tag)
        assert get.body == image_of(build).manifest.content
        assert told(head) == told(get)


@NAMES
@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_runtime_runs_the_build_of_the_best_tag(
    kind: type[Runtime], repository: str, tag: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """By the plain tag; the node records upstream's own digest."""
    build = GETS[repository, tag][TYPE4]
    image = f"{registry.address}/{repository}:{tag}"
    client = nodes.start(kind, proxy, registry, login_of(TYPE4))
    pull = client.pull(image)
    assert pull.worked, pull.seen
    assert pull.digests == {str(image_of(build).manifest.digest)}
    assert client.run(image) == Spoken(0, build.line + "\n", "")


@NAMES
@pytest.mark.parametrize("kind", COPIERS)
def test_a_copier_brings_the_build_of_the_best_tag(
    kind: type[Client], repository: str, tag: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """By the plain tag."""
    image = image_of(GETS[repository, tag][TYPE4])
    client = nodes.start(kind, proxy, registry, login_of(TYPE4))
    pull = client.pull(f"{registry.address}/{repository}:{tag}")
    assert pull.worked, pull.seen
    assert str(image.manifest.digest) in pull.digests


@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_tag_that_nobody_pushed_is_none_for_an_unknown_client(
    kind: type[Runtime], nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """Whom nobody chooses for, upstream answers itself."""
    pull = nodes.start(kind, proxy, registry).pull(f"{registry.address}/{LISTED}")
    assert not pull.worked
    assert re.search("not found|manifest unknown", pull.seen)


def test_a_missing_tag_costs_one_head_and_no_get(proxy: Proxy, registry: Registry) -> None:
    """However many nodes ask; the tag itself is answered all the same."""
    image = image_of(GENERIC)
    registry.push(VARIED, "3.0", IndexedImages(image.manifest, (image,)))
    for user in (TYPE4, TYPE1, TYPE2, TYPE4):
        asker = Asker.through(proxy, registry.address, user, VARIED, LOGIN)
        assert asker.get("3.0").body == image.manifest.content
    for tag in ("3.0-gpu", "3.0-broadwell"):
        path = f"/v2/{VARIED}/manifests/{tag}"
        assert (registry.asked("HEAD", path), registry.asked("GET", path)) == (1, 0)


@NAMES
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_without_a_login_nothing_is_there(
    method: str, repository: str, tag: str, proxy: Proxy, registry: Registry
) -> None:
    """The first tag's 401 is the answer: whether others exist is not told either."""
    answer = Asker.through(proxy, registry.address, TYPE4, repository).ask(method, tag)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")


def _varied(registry: Registry) -> Rules:
    variants = [
        {"tag": "{tag}-broadwell", "features": ["cpu:broadwell"]},
        {"tag": "{tag}-gpu", "features": ["cpu:broadwell", "nvcap:5.0"]},
    ]
    return {"match": f"{registry.address}/{VARIED}", "variants": variants}


def _list(registry: Registry) -> Rules:
    name = f"{registry.address}/{LISTED}"
    manifests = [
        {"image": f"{name}:{tag}", "platform": build.platform}
        for tag, build in TAGS[LISTED].items()
    ]
    return {"image": name, "manifests": manifests}
