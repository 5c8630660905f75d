"""Upstreams that do what few do, and clients that ask in unusual ways: the answer is the usual."""

import gzip

import pytest

from metahub.core.distribution import OCI_INDEX
from metahub.demo.bench import BROADWELL, TAG, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.asker import Asker, digest_of, entries_of, told
from tests.e2e.odd_registry import OddRegistry, Reply
from tests.e2e.proxy import Proxy
from tests.e2e.rules import TYPE1

INDEX = qnib_bench().index
DIGEST = {"Docker-Content-Digest": str(INDEX.digest)}
USUAL = {"Content-Type": OCI_INDEX} | DIGEST
NO_DIGEST = Reply(INDEX.content, {"Content-Type": OCI_INDEX})
COMPRESSED = Reply(gzip.compress(INDEX.content), USUAL | {"Content-Encoding": "gzip"})

# What upstream answers to HEAD and to GET
UPSTREAMS = {
    "no HEAD": (Reply(status=405), Reply(INDEX.content, USUAL)),
    "HEAD without a digest": (NO_DIGEST, Reply(INDEX.content, USUAL)),
    "no digest at all": (NO_DIGEST, NO_DIGEST),
    "compressed": (COMPRESSED, COMPRESSED),
    "no length": (Reply(INDEX.content, USUAL, has_length=False),) * 2,
    "type with a parameter": (
        Reply(INDEX.content, DIGEST | {"Content-Type": f"{OCI_INDEX}; charset=utf-8"}),
    )
    * 2,
    "type in capitals": (Reply(INDEX.content, DIGEST | {"Content-Type": OCI_INDEX.upper()}),) * 2,
}


@pytest.mark.parametrize("name", UPSTREAMS)
def test_every_upstream_gives_the_same_index(name: str, odd_proxy: Proxy, odd: OddRegistry) -> None:
    """HEAD and GET agree, and the body is what they say."""
    asker = _offered(f"unusual/{name.lower().replace(' ', '-')}", name, odd_proxy, odd)
    head, answer = asker.head(TAG), asker.get(TAG)
    assert entries_of(answer) == [str(image_of(BROADWELL).manifest.digest)]
    assert told(head) == told(answer)
    assert told(answer)[1:] == (len(answer.body), digest_of(answer))


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-"},
        {"Range": "bytes=0-99"},
        {"Accept-Encoding": "zstd,gzip"},
        {"If-None-Match": f'"{INDEX.digest}"'},
        {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
    ],
    ids=lambda headers: " ".join(next(iter(headers.items()))),
)
def test_every_question_gives_the_whole_index(
    headers: dict[str, str], odd_proxy: Proxy, odd: OddRegistry
) -> None:
    """What a client knows of D says nothing of D'; and D' is small enough to come at once."""
    repository = "unusual/questions"
    odd.offer(repository, TAG, INDEX)
    asker = Asker.through(odd_proxy, odd.address, TYPE1, repository)
    usual, answer = asker.get(TAG), asker.get(TAG, headers)
    assert (answer.status, answer.body) == (200, usual.body)
    assert "content-encoding" not in answer.headers
    assert asker.get(digest_of(usual), headers).body == usual.body


def _offered(repository: str, name: str, proxy: Proxy, odd: OddRegistry) -> Asker:
    head, get = UPSTREAMS[name]
    for reference in (TAG, INDEX.digest):
        path = f"/v2/{repository}/manifests/{reference}"
        odd["HEAD", path], odd["GET", path] = head, get
    return Asker.through(proxy, odd.address, TYPE1, repository)
