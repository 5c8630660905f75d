"""Upstreams that do what few do, and clients that ask in unusual ways: the answer is the usual."""

import gzip
from collections.abc import Callable
from dataclasses import replace

import pytest

from metahub.core.distribution import OCI_INDEX
from metahub.demo.bench import BROADWELL, TAG
from metahub.demo.images import Blob, image_of
from tests.e2e.asking.asker import Asker, digest_of, entries_of, told
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1
from tests.e2e.upstreams.indexes import unseen
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply

type Upstream = Callable[[Blob], tuple[Reply, Reply]]


def usual(index: Blob, content: bytes | None = None, **headers: str) -> Reply:
    """What registries answer, with other content or other headers."""
    digest = {"Docker-Content-Digest": str(index.digest)}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = index.content if content is None else content
    return Reply(body, {"Content-Type": OCI_INDEX} | digest | named)


def without_digest(index: Blob) -> Reply:
    """An answer that has to be read to know what it is."""
    return Reply(index.content, {"Content-Type": OCI_INDEX})


def compressed(index: Blob) -> Reply:
    """An answer that is gzip although nobody asked for it."""
    return usual(index, gzip.compress(index.content), Content_Encoding="gzip")


def chunked(index: Blob) -> Reply:
    """An answer that does not say how long it is."""
    return replace(usual(index), has_length=False)


def typed(index: Blob, media_type: str) -> Reply:
    """An answer with the media type in other letters."""
    return usual(index, Content_Type=media_type)


# What upstream answers to HEAD and to GET
UPSTREAMS: dict[str, Upstream] = {
    "no-head": lambda index: (Reply(status=405), usual(index)),
    "head-without-digest": lambda index: (without_digest(index), usual(index)),
    "no-digest-at-all": lambda index: (without_digest(index),) * 2,
    "compressed": lambda index: (compressed(index),) * 2,
    "chunked": lambda index: (chunked(index),) * 2,
    "type-with-a-parameter": lambda index: (typed(index, f"{OCI_INDEX}; charset=utf-8"),) * 2,
    "type-in-capitals": lambda index: (typed(index, OCI_INDEX.upper()),) * 2,
}


@pytest.mark.parametrize("name", UPSTREAMS)
def test_every_upstream_gives_the_same_index(name: str, odd_proxy: Proxy, odd: OddRegistry) -> None:
    """HEAD and GET agree, and the body is what they say."""
    asker = _asker(name, odd_proxy, odd)
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
        {"If-None-Match": f'"{unseen("questions").digest}"'},
        {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
    ],
    ids=lambda headers: " ".join(next(iter(headers.items()))),
)
def test_every_question_gives_the_whole_index(
    headers: dict[str, str], odd_proxy: Proxy, odd: OddRegistry
) -> None:
    """What a client knows of D says nothing of D'; and D' is small enough to come at once."""
    repository = "unusual/questions"
    odd.offer(repository, TAG, unseen("questions"))
    asker = Asker.through(odd_proxy, odd.address, TYPE1, repository)
    plain, answer = asker.get(TAG), asker.get(TAG, headers)
    assert (answer.status, answer.body) == (200, plain.body)
    assert "content-encoding" not in answer.headers
    assert asker.get(digest_of(plain), headers).body == plain.body


def _asker(name: str, proxy: Proxy, odd: OddRegistry) -> Asker:
    """A repository of this unusual upstream."""
    index = unseen(name)
    for reference in (TAG, index.digest):
        path = f"/v2/unusual/{name}/manifests/{reference}"
        odd["HEAD", path], odd["GET", path] = UPSTREAMS[name](index)
    return Asker.through(proxy, odd.address, TYPE1, f"unusual/{name}")
