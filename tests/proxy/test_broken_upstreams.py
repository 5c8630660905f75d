"""Upstreams whose bytes are wrong on the way: nobody takes them for an image, and nothing is left.

Those that are wrong in whole answers of HTTP, or say nothing, are in test_manifests.py,
test_failures.py and test_patience.py.
"""

import gzip
import http.client
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from metahub.core.distribution import OCI_INDEX
from metahub.demo.bench import TAG
from metahub.demo.images import Blob
from tests.e2e.asking.asker import Asker, digest_of
from tests.e2e.asking.wire import Answer
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.broken import BrokenUpstream, End, Speech
from tests.e2e.upstreams.indexes import unseen
from tests.e2e.upstreams.trust import Trust
from tests.proxy.held import nothing_more_held
from tests.proxy.running import ProxyInThread

type Break = Callable[[Blob], Speech]

SECONDS = 2  # for which upstream may be silent
TIMES = 8
SLACK = 5  # a connection that is kept, with its two ends, and a task or two that wait for it

STATUS = b"HTTP/1.1 200 OK\r\n"
CHUNKED = "Transfer-Encoding: chunked"
GZIP = "Content-Encoding: gzip"


def headers(index: Blob, *lines: str) -> bytes:
    """Of an answer that says to be this index."""
    known = (f"Content-Type: {OCI_INDEX}", f"Docker-Content-Digest: {index.digest}")
    return STATUS + "\r\n".join((*known, *lines, "", "")).encode()


def said(index: Blob, body: bytes, *lines: str) -> bytes:
    """Such an answer with this body, of which the lines speak."""
    return headers(index, *lines) + body


def length(body: bytes) -> str:
    """The line that says it."""
    return f"Content-Length: {len(body)}"


def half(index: Blob) -> bytes:
    """Of its bytes."""
    return index.content[: len(index.content) // 2]


def chunk(body: bytes) -> bytes:
    """As it travels; another one should follow."""
    return b"%x\r\n%b\r\n" % (len(body), body)


def packed(index: Blob) -> bytes:
    """As gzip, and cut."""
    return gzip.compress(index.content)[:-20]


# What is said to a GET: of an index, or of anything
BROKEN: dict[str, Break] = {
    "cut-in-the-status": lambda _: Speech(b"HTTP/1.1 20", End.CUT),
    "cut-in-the-headers": lambda one: Speech(headers(one)[:-2], End.CUT),
    "cut-in-the-body": lambda one: Speech(said(one, half(one), length(one.content)), End.CUT),
    "too-short": lambda one: Speech(said(one, half(one), length(one.content))),
    "too-long": lambda one: Speech(said(one, one.content, length(half(one)))),
    "negative-length": lambda one: Speech(said(one, one.content, "Content-Length: -1")),
    "length-in-words": lambda one: Speech(said(one, one.content, "Content-Length: many")),
    "two-lengths": lambda one: Speech(
        said(one, one.content, length(one.content), "Content-Length: 5")
    ),
    "no-length-and-no-goodbye": lambda one: Speech(said(one, half(one)), End.EOF),
    "chunks-without-the-last": lambda one: Speech(said(one, chunk(half(one)), CHUNKED)),
    "chunks-without-a-goodbye": lambda one: Speech(said(one, chunk(half(one)), CHUNKED), End.EOF),
    "chunks-of-no-size": lambda one: Speech(said(one, b"many\r\n" + one.content, CHUNKED)),
    "no-http": lambda _: Speech(b"\x00\xff" * 500),
    "http-of-the-future": lambda one: Speech(b"HTTP/9.9 200 OK\r\n\r\n" + one.content),
    "status-in-words": lambda one: Speech(b"HTTP/1.1 good OK\r\n\r\n" + one.content),
    "no-word": lambda _: Speech(b""),
    "tls-breaks": lambda one: Speech(said(one, half(one), length(one.content)), End.NONSENSE),
    "no-greeting": lambda _: Speech(b"", instead_of_tls=True),
}
PACKED: dict[str, Break] = {
    "gzip-that-is-cut": lambda one: Speech(said(one, packed(one), GZIP, length(packed(one)))),
    "gzip-that-is-none": lambda one: Speech(said(one, one.content, GZIP, length(one.content))),
}


@pytest.fixture(scope="module")
def broken(trust: Trust) -> Iterator[BrokenUpstream]:
    """It says what a test wants."""
    with BrokenUpstream(trust.pair.server_context()) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(place: Path, trust: Trust, broken: BrokenUpstream) -> Iterator[ProxyInThread]:
    """One that outlives all that is done to it here."""
    directory = Path(tempfile.mkdtemp(dir=place))
    running = ProxyInThread(directory, trust.authority, {"metahub_answer_seconds": SECONDS})
    running.rule(table(broken.address))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def asker(proxy: ProxyInThread, broken: BrokenUpstream) -> Asker:
    """A node of a machine type."""
    return Asker(proxy.wire(broken.address, login_of(TYPE1)), "a")


@pytest.mark.parametrize("name", BROKEN | PACKED)
def test_what_is_broken_is_no_index(name: str, asker: Asker, broken: BrokenUpstream) -> None:
    """Whoever asks is told so, in a registry's words; once upstream is well, the image is there."""
    index = unseen(name)
    head = Speech(headers(index, length(index.content)))
    broken.speeches = {"HEAD": head, "GET": (BROKEN | PACKED)[name](index)}
    answer = asker.get(TAG)
    assert answer.status in {403, 502}
    assert answer.reason.startswith("MetaHub: ")
    whole = Speech(said(index, index.content, length(index.content)))
    broken.speeches = {"HEAD": head, "GET": whole}
    answer = asker.get(TAG)
    assert (answer.status, answer.headers["docker-content-digest"]) == (200, digest_of(answer))


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_no_layer(name: str, asker: Asker, broken: BrokenUpstream) -> None:
    """It streams by: a client is told, or sees that it was cut, or that it is another one."""
    layer = unseen(name)
    broken.speeches = {"GET": BROKEN[name](layer)}
    answer = _arrived(asker, layer)
    assert answer is None or answer.status >= 500 or digest_of(answer) != str(layer.digest)


@pytest.mark.parametrize("name", ["cut-in-the-body", "tls-breaks", "no-greeting"])
def test_nothing_is_left(
    name: str, asker: Asker, proxy: ProxyInThread, broken: BrokenUpstream
) -> None:
    """Neither of questions of ours nor of mitmproxy's: no task, no socket."""
    index = unseen("nothing")
    head = Speech(headers(index, length(index.content)))
    broken.speeches = {"HEAD": head, "GET": BROKEN[name](index)}
    with nothing_more_held(proxy, SLACK):
        for _ in range(TIMES):
            assert asker.get(TAG).status == 502
            _arrived(asker, index)


def test_an_index_that_stops_in_its_middle(asker: Asker, broken: BrokenUpstream) -> None:
    """As one that never begins: the client is told in time."""
    index = unseen("half")
    head = Speech(headers(index, length(index.content)))
    stops = Speech(said(index, half(index), length(index.content)), End.NOTHING)
    broken.speeches = {"HEAD": head, "GET": stops}
    answer = asker.get(TAG)
    told = f"MetaHub: no answer from localhost within {SECONDS} seconds"
    assert (answer.status, answer.reason) == (504, told)


def _arrived(asker: Asker, layer: Blob) -> Answer | None:
    """What came of it, if that was whole in itself."""
    try:
        return asker.blob(layer.digest)
    except (http.client.HTTPException, OSError):
        return None
