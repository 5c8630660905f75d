"""What each client is tried with, in front of a registry that wants a password."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from metahub.demo.bench import BROADWELL_WITH_GPU, GENERIC, SKYLAKE, TAG, User, qnib_bench
from metahub.demo.images import Build, image_of, index_of
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import Wire
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client, Way
from tests.e2e.matrix.conftest import Note
from tests.e2e.matrix.contenders import TRIED, WORDS, Contender
from tests.e2e.matrix.outcome import has
from tests.e2e.matrix.tables import NEVER
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE2, TYPE3, TYPE4, login_of
from tests.e2e.upstreams.registry import LOGIN, Registry

REPOSITORY = "qnib/bench"
PICKY = "site/picky"
DEEP = "site/team/bench"
NO_BUILD_FITS = (
    "MetaHub: no build of {image} fits machine type type3 (cpu:coffelake): "
    "one requires cpu:skylake, which type3 does not offer"
)
BETTER = Build(">> compiled anew", ("cpu:broadwell", "nvcap:5.2"))


@dataclass(frozen=True, slots=True)
class Scene:
    """A client before the proxy and the registry, as one user of the table."""

    user: User
    client: Client
    proxy: Proxy
    registry: Registry

    def image(self, repository: str = REPOSITORY, reference: object = "") -> str:
        """The full name of an image."""
        return f"{self.registry.address}/{repository}{reference}"

    def digest(self, repository: str = REPOSITORY) -> str:
        """D': what the tag is for this user."""
        return self._asker(repository).digest(TAG)

    def _asker(self, repository: str) -> Asker:
        return Asker.through(self.proxy, self.registry.address, self.user, repository, LOGIN)


@pytest.fixture(scope="module")
def scene(contender: Contender, module_nodes: Nodes, proxy: Proxy, registry: Registry) -> Scene:
    """A started client of type4."""
    return _scene(contender, TYPE4, module_nodes, proxy, registry)


def test_a_tag(scene: Scene, note: Note) -> None:
    """The build that fits, which a runtime also runs."""
    has(scene.client.pull(scene.image()), BROADWELL_WITH_GPU, scene.digest())
    run = getattr(scene.client, "run", None)
    if run is not None:
        assert run(scene.image()).printed == f"{BROADWELL_WITH_GPU.line}\n"
    note(TRIED, "a tag")


def test_again(scene: Scene, note: Note) -> None:
    """What is there already is the same image still."""
    first, again = (scene.client.pull(scene.image()) for _ in range(2))
    has(first, BROADWELL_WITH_GPU, scene.digest())
    assert again.worked, again.seen
    assert again.digests == first.digests
    note(TRIED, "again")


def test_by_the_digest_of_ours(scene: Scene, note: Note) -> None:
    """D', which a node remembers, names what it pulled."""
    pull = scene.client.pull(scene.image(reference=f"@{scene.digest()}"))
    has(pull, BROADWELL_WITH_GPU, scene.digest())
    note(TRIED, "`@D'`")


def test_by_the_digest_of_upstream(scene: Scene, note: Note) -> None:
    """D is a pin: the client chooses from upstream's own index as without MetaHub."""
    pinned = qnib_bench().index.digest
    has(scene.client.pull(scene.image(reference=f"@{pinned}")), GENERIC, pinned)
    note(TRIED, "`@D`")


def test_a_tag_that_moved(contender: Contender, scene: Scene, note: Note) -> None:
    """The new build comes."""
    repository = f"qnib/moving-{_slug(contender)}"
    scene.registry.push(repository, TAG, qnib_bench())
    has(scene.client.pull(scene.image(repository)), BROADWELL_WITH_GPU, scene.digest(repository))
    scene.registry.push(repository, TAG, index_of((GENERIC, BETTER)))
    has(scene.client.pull(scene.image(repository)), BETTER, scene.digest(repository))
    note(TRIED, "a tag that moved")


def test_a_name_of_three_segments(scene: Scene, note: Note) -> None:
    """At a registry whose name has a port."""
    scene.registry.push(DEEP, TAG, qnib_bench())
    has(scene.client.pull(scene.image(DEEP)), BROADWELL_WITH_GPU, scene.digest(DEEP))
    note(TRIED, "`a/b/c`")


def test_two_machine_types_at_once(
    contender: Contender, scene: Scene, nodes: Nodes, note: Note
) -> None:
    """Each gets its own build over the same proxy."""
    other = _scene(contender, TYPE2, nodes, scene.proxy, scene.registry)
    with ThreadPoolExecutor(2) as at_once:
        pulls = at_once.map(lambda one: one.client.pull(one.image()), (scene, other))
    for pull, mine in zip(pulls, (scene, other), strict=True):
        has(pull, mine.user.gets, mine.digest())
    note(TRIED, "two types at once")


def test_push(contender: Contender, scene: Scene, note: Note) -> None:
    """What a client pushes over the proxy is at the registry as it was sent."""
    push = getattr(scene.client, "push", None)
    if push is None:
        note(TRIED, "push", NEVER)
        return
    assert scene.client.pull(scene.image()).worked
    repository = f"pushed/{_slug(contender)}"
    pushed = push(scene.image(), scene.image(repository, f":{TAG}"))
    assert pushed.exit_code == 0, pushed.seen
    assert _config_of(repository, scene.registry) == str(image_of(BROADWELL_WITH_GPU).config.digest)
    note(TRIED, "push")


def test_denied(
    contender: Contender, nodes: Nodes, proxy: Proxy, registry: Registry, note: Note
) -> None:
    """The person reads MetaHub's sentence, whole; and nothing is retried."""
    registry.push(PICKY, TAG, index_of((SKYLAKE,)))
    denied = _scene(contender, TYPE3, nodes, proxy, registry)
    before = _heads(registry)
    pull = denied.client.pull(denied.image(PICKY))
    asked = _heads(registry) - before
    assert not pull.worked
    sentence = NO_BUILD_FITS.format(image=denied.image(PICKY))
    assert sentence in pull.seen
    assert asked <= 2  # by HEAD, and once by GET
    note(TRIED, "denied")
    note(WORDS, WORDS.columns[0], _as_read(pull.seen, sentence, registry))


def _scene(
    contender: Contender, user: User, nodes: Nodes, proxy: Proxy, registry: Registry
) -> Scene:
    way = Way(proxy.url(login_of(user)))
    authorities = [proxy.authority]
    client = nodes.start_on(contender.kind, way, {registry.address: LOGIN}, authorities)
    return Scene(user, client, proxy, registry)


def _config_of(repository: str, registry: Registry) -> str:
    """What was pushed, past the proxy: a manifest, or an index of one."""
    asker = Asker(Wire(registry.here, registry.trust.authority), repository, LOGIN)
    arrived = json.loads(asker.get(TAG).body)
    if "manifests" in arrived:
        arrived = json.loads(asker.get(arrived["manifests"][0]["digest"]).body)
    config: str = arrived["config"]["digest"]
    return config


def _heads(registry: Registry) -> int:
    return registry.asked("HEAD", f"/v2/{PICKY}/manifests/{TAG}")


def _as_read(seen: str, sentence: str, registry: Registry) -> str:
    """The client's own words around the sentence, but for the time of day and this run's port."""
    line = next(line for line in seen.splitlines() if sentence in line)
    timeless = re.sub(r'time="[^"]*" ', "", line).strip().replace(sentence, "MetaHub: …")
    return f"`{timeless.replace(str(registry.address), 'reg.example.com')}`"


def _slug(contender: Contender) -> str:
    """A name for a repository of this client's own."""
    return re.sub(r"[^a-z0-9]+", "-", contender.name).strip("-")
