"""D and D': what HEAD and GET say of a tag, of an index of ours, and of upstream's own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from metahub.demo.bench import BROADWELL, GENERIC, TABLE, TAG, User, qnib_bench
from metahub.demo.images import Build, image_of, index_of
from tests.e2e.asking.asker import Asker, digest_of, entries_of, told
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.indexes import unseen
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.registry import FORMATS, LOGIN, Registry

BOTH_FORMATS = pytest.mark.parametrize("repository", FORMATS)
EVERYBODY = pytest.mark.parametrize("user", TABLE, ids=lambda user: user.name)


@BOTH_FORMATS
@EVERYBODY
def test_head_and_get_agree(user: User, repository: str, proxy: Proxy, registry: Registry) -> None:
    """By tag and by digest: the same type, length and digest, and the body is what they say."""
    asker = Asker.through(proxy, registry.address, user, repository, LOGIN)
    digest = asker.digest(TAG)
    by_tag, by_digest = asker.get(TAG), asker.get(digest)
    assert by_tag.body == by_digest.body
    assert digest_of(by_tag) == digest
    answers = (asker.head(TAG), asker.head(digest), by_tag, by_digest)
    expected = (FORMATS[repository].index, len(by_tag.body), digest)
    assert [told(answer) for answer in answers] == [expected] * 4


@BOTH_FORMATS
@EVERYBODY
def test_each_machine_type_sees_its_own_entry(
    user: User, repository: str, proxy: Proxy, registry: Registry
) -> None:
    """One entry is left of four, and leads to upstream's own manifest."""
    asker = Asker.through(proxy, registry.address, user, repository, LOGIN)
    manifest = image_of(user.gets, FORMATS[repository]).manifest
    assert entries_of(asker.get(TAG)) == [str(manifest.digest)]
    assert asker.get(manifest.digest).body == manifest.content


@BOTH_FORMATS
@EVERYBODY
def test_a_pin_is_a_pin(user: User, repository: str, proxy: Proxy, registry: Registry) -> None:
    """`name@D` arrives byte for byte, whoever asks."""
    asker = Asker.through(proxy, registry.address, user, repository, LOGIN)
    upstream = qnib_bench(FORMATS[repository]).index
    answer = asker.get(upstream.digest)
    assert (answer.status, answer.body) == (200, upstream.content)
    assert told(asker.head(upstream.digest)) == told(answer)


@BOTH_FORMATS
def test_every_instance_makes_the_same_bytes(
    repository: str, serve: Serve, proxy: Proxy, registry: Registry
) -> None:
    """Another proxy, with a store of its own, answers a tag with the same D'."""
    other = serve(table(registry.address))
    first, second = (
        Asker.through(instance, registry.address, TYPE1, repository, LOGIN).get(TAG)
        for instance in (proxy, other)
    )
    assert first.body == second.body


def test_a_changed_tag_gives_the_new_build(proxy: Proxy, registry: Registry) -> None:
    """What the tag was before is still there under its digest."""
    repository = "qnib/changing"
    asker = Asker.through(proxy, registry.address, TYPE1, repository, LOGIN)
    registry.push(repository, TAG, qnib_bench())
    before = asker.get(TAG)
    better = Build(">> broadwell, compiled anew", ("cpu:broadwell",))
    registry.push(repository, TAG, index_of((GENERIC, better)))
    after = asker.get(asker.digest(TAG))
    assert entries_of(before) == [str(image_of(BROADWELL).manifest.digest)]
    assert entries_of(after) == [str(image_of(better).manifest.digest)]
    assert asker.get(digest_of(before)).body == before.body


def test_many_nodes_at_once_cost_one_upstream_get(odd_proxy: Proxy, odd: OddRegistry) -> None:
    """Registries count GETs of manifests; HEADs are free."""
    repository = "qnib/popular"
    index = unseen(repository)
    odd.offer(repository, TAG, index, pause=0.5)
    asker = Asker.through(odd_proxy, odd.address, TYPE1, repository)
    with ThreadPoolExecutor(12) as nodes:
        digests = set(nodes.map(asker.digest, [TAG] * 12))
    gets = [odd.times("GET", f"/v2/{repository}/manifests/{name}") for name in (TAG, index.digest)]
    assert (len(digests), sum(gets)) == (1, 1)
