"""What refers to a digest of ours: upstream is asked for that digest, and what it says arrives."""

import json

import pytest

from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX
from metahub.demo.bench import BROADWELL, REPOSITORY, TAG, qnib_bench
from metahub.demo.images import Blob, image_of
from tests.e2e.asking.asker import Asker
from tests.e2e.proxies.rules import TYPE1, login_of
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.running import ProxyInThread

INDEX = qnib_bench().index
# It looks like an image of two builds, so that rewriting it would show.
ENTRIES = [image_of(BROADWELL).manifest.descriptor | {"platform": BROADWELL.platform}] * 2
LIST = Blob(OCI_INDEX, json.dumps({"schemaVersion": 2, "manifests": ENTRIES}).encode())
FILTERED = {"Content-Type": OCI_INDEX, "OCI-Filters-Applied": "artifactType"}


@pytest.fixture
def asker(proxy: ProxyInThread, odd: OddRegistry) -> Asker:
    """A machine type that asks for qnib/bench."""
    odd.offer(REPOSITORY, TAG, INDEX)
    return Asker(proxy.wire(odd.address, login_of(TYPE1)), REPOSITORY)


def paths(digest: Digest) -> list[str]:
    """Where programs look for what refers to a digest."""
    referrers = f"/v2/{REPOSITORY}/referrers/{digest}"
    tag = f"/v2/{REPOSITORY}/manifests/sha256-{digest.hex}"
    return [referrers, f"{referrers}?artifactType=a%2Fb&n=1", tag, f"{tag}.sig", f"{tag}.sbom"]


@pytest.mark.parametrize("number", range(5))
def test_upstreams_list_arrives_as_it_is(number: int, asker: Asker, odd: OddRegistry) -> None:
    """Byte for byte, with its headers, for the digest and the query that were asked for."""
    ours = Digest.parse(asker.digest(TAG))
    path = paths(ours)[number]
    odd[path] = Reply(LIST.content, FILTERED)
    answer = asker.wire.ask("GET", path)
    assert (answer.status, answer.body) == (200, LIST.content)
    assert answer.headers["oci-filters-applied"] == "artifactType"
    assert odd.times("GET", path) == 1


@pytest.mark.parametrize("number", range(5))
def test_what_is_said_of_upstreams_index_is_not_said_of_ours(
    number: int, asker: Asker, odd: OddRegistry
) -> None:
    """Signatures would not verify, copies would miss their subject, lists be pushed elsewhere."""
    ours = Digest.parse(asker.digest(TAG))
    odd[paths(INDEX.digest)[number]] = Reply(LIST.content, FILTERED)
    assert asker.wire.ask("GET", paths(ours)[number]).status == 404
    assert odd.times("GET", paths(ours)[number]) == 1
