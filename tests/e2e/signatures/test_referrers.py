"""What refers to an index is upstream's to tell: of D and of D', by the API and by tags."""

from collections.abc import Mapping

import pytest

from metahub.core.digest import Digest
from metahub.demo.bench import TAG, qnib_bench
from metahub.demo.images import IndexedImages
from tests.e2e.asking.asker import ACCEPT, Asker, entries_of
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1
from tests.e2e.signatures.upstream import Upstream, about, listing
from tests.e2e.upstreams.attestations import IN_TOTO
from tests.e2e.upstreams.registry import LOGIN

REPOSITORY = "signed/attached"
STATEMENT = about(qnib_bench())
HEADERS = {"Authorization": LOGIN.header, "Accept": ACCEPT}


def paths(digest: Digest) -> list[str]:
    """Where programs look for what refers to a digest."""
    referrers = f"/v2/{REPOSITORY}/referrers/{digest}"
    tag = f"/v2/{REPOSITORY}/manifests/sha256-{digest.hex}"
    return [referrers, f"{referrers}?artifactType={IN_TOTO}", tag, f"{tag}.sig", f"{tag}.att"]


@pytest.fixture
def attached(upstream: Upstream) -> Upstream:
    """Upstream with a statement about the index of a tag."""
    index = upstream.push(REPOSITORY)
    upstream.push(REPOSITORY, "statement", STATEMENT)
    if not upstream.lists_referrers:
        tag = f"sha256-{index.hex}"
        upstream.push(REPOSITORY, tag, IndexedImages(listing(STATEMENT.index), ()))
    return upstream


def through(proxy: Proxy, upstream: Upstream) -> Asker:
    """Ask as a machine type that sees a D' of its own."""
    return Asker.through(proxy, upstream.address, TYPE1, REPOSITORY, LOGIN)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_upstream_tells_what_refers_to_a_digest(
    method: str, attached: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """The same status and bytes as past MetaHub, although the tag itself is answered otherwise."""
    asker, direct = through(answering["index"], attached), attached.asker(REPOSITORY)
    ours = Digest.parse(asker.digest(TAG))
    assert ours != qnib_bench().index.digest
    for path in (*paths(ours), *paths(qnib_bench().index.digest)):
        answer, expected = (who.wire.ask(method, path, HEADERS) for who in (asker, direct))
        assert (answer.status, answer.body) == (expected.status, expected.body), path


def test_a_statement_is_about_upstreams_index(
    attached: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """Nobody said anything of the index of ours: there is nothing, or an empty list."""
    asker = through(answering["index"], attached)
    ours = Digest.parse(asker.digest(TAG))
    found = [_listed(asker, digest) for digest in (qnib_bench().index.digest, ours)]
    assert found == [[str(STATEMENT.index.digest)], []]


def test_a_statement_arrives_by_its_own_digest(
    attached: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """With its subject, which is upstream's index."""
    answer = through(answering["index"], attached).get(STATEMENT.index.digest)
    assert answer.body == STATEMENT.index.content


def test_without_a_login_nobody_is_told(attached: Upstream, answering: Mapping[str, Proxy]) -> None:
    """Upstream says no, in its own words."""
    asker, direct = through(answering["index"], attached), attached.asker(REPOSITORY, None)
    ours = Digest.parse(asker.digest(TAG))
    for path in (*paths(ours), *paths(qnib_bench().index.digest)):
        answer, expected = (
            who.wire.ask("GET", path, {"Accept": ACCEPT}) for who in (asker, direct)
        )
        assert (answer.status, answer.body) == (expected.status, expected.body)
        assert answer.status in (401, 404)  # without the API there is no such path for anybody


def _listed(asker: Asker, digest: Digest) -> list[str]:
    """What the API lists, or the tag where a registry has no API."""
    api, _, tag, *_ = paths(digest)
    answers = [asker.wire.ask("GET", path, HEADERS) for path in (api, tag)]
    return next((entries_of(answer) for answer in answers if answer.status == 200), [])
