"""An upstream that says nothing: whoever waits for it is told, and others do not notice."""

import time
from collections.abc import Callable, Iterator

import pytest

from metahub.demo.bench import BROADWELL, REPOSITORY, TAG, User, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Way
from tests.e2e.clients.skopeo import Skopeo
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import PIECE, OddRegistry, Reply
from tests.e2e.upstreams.silence import dead
from tests.e2e.upstreams.trust import HERE, HOST, Trust

SECONDS = 1
LATEST = SECONDS + 1.5  # seconds after which a client knows, on a busy machine
SILENT, DRIPPING = Reply(drips=b""), Reply(drips=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000)
BLOB = f"/v2/{REPOSITORY}/blobs/sha256:{'0' * 64}"
UPLOAD = f"/v2/{REPOSITORY}/blobs/uploads/1"
MANIFEST = f"/v2/{REPOSITORY}/manifests/{TAG}"
TOKEN = "/token?scope=repository:qnib/bench:pull"


@pytest.fixture(scope="module")
def slow(trust: Trust) -> Iterator[OddRegistry]:
    """An upstream whose connections can be counted."""
    with OddRegistry(trust.pair.server_context(), HERE) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(serve_all: Serve, slow: OddRegistry) -> Proxy:
    """A proxy of little patience."""
    return serve_all(table(slow.address), metahub_answer_seconds=SECONDS)


def sentence(host: str) -> str:
    """What is said of a host."""
    return f"MetaHub: no answer from {host} within {SECONDS} seconds"


@pytest.mark.parametrize("reply", [SILENT, DRIPPING], ids=["silent", "dripping"])
@pytest.mark.parametrize("user", [TYPE1, None], ids=["known", "unknown"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("HEAD", MANIFEST), ("GET", MANIFEST), ("GET", BLOB), ("PUT", UPLOAD), ("GET", TOKEN)],
)
def test_whoever_asks_is_told_in_time(
    method: str, path: str, user: User | None, reply: Reply, proxy: Proxy, slow: OddRegistry
) -> None:
    """Whatever it is, and whether MetaHub asks or mitmproxy; upstream is rid of the question."""
    slow[path] = reply
    wire = proxy.wire(slow.address, login_of(user) if user else None)
    begun = time.monotonic()
    answer = wire.ask(method, path, body=b"layer" if method == "PUT" else None)
    took = time.monotonic() - begun
    assert (answer.status, answer.reason) == (504, sentence(HERE))
    assert (answer.body == b"") == (method == "HEAD")
    assert SECONDS <= took < LATEST
    assert comes_true(lambda: slow.waiting == 0)
    assert sentence(HERE) in proxy.said()


def test_a_dead_address(serve_all: Serve) -> None:
    """Nobody waits for two minutes until the kernel gives up."""
    with dead("http") as nobody:
        proxy = serve_all(table(nobody), metahub_answer_seconds=SECONDS)
        begun = time.monotonic()
        answer = proxy.wire(nobody, login_of(TYPE1)).ask("GET", BLOB)
        assert (answer.status, answer.reason) == (504, sentence(HERE))
        assert time.monotonic() - begun < LATEST


def test_others_do_not_notice(proxy: Proxy, slow: OddRegistry) -> None:
    """A layer flows for twice that time, and an index is answered, while somebody waits."""
    slow[TOKEN], slow[BLOB] = SILENT, Reply(bytes(5 * PIECE), pause=0.5)
    slow.offer(REPOSITORY, TAG, qnib_bench().index)
    wire = proxy.wire(slow.address, login_of(TYPE1))
    with wire.asking("GET", TOKEN) as waiting, wire.asking("GET", BLOB) as flowing:
        index = Asker.through(proxy, slow.address, TYPE1).get(TAG)
        assert entries_of(index) == [str(image_of(BROADWELL).manifest.digest)]
        assert waiting.getresponse().status == 504
        assert len(flowing.getresponse().read()) == 5 * PIECE


@pytest.mark.parametrize("path", [MANIFEST, BLOB])
def test_a_client_that_leaves_ends_its_question(path: str, proxy: Proxy, slow: OddRegistry) -> None:
    """At once, not when upstream has been silent for long enough."""
    slow[path] = SILENT
    with proxy.wire(slow.address, login_of(TYPE1)).asking("GET", path) as connection:
        assert comes_true(lambda: slow.waiting == 1)
        connection.sock.close()
        assert comes_true(lambda: slow.waiting == 0)
    assert "bug" not in proxy.said()


@pytest.mark.parametrize(
    ("silent", "words"),
    [
        ("/v2/", "invalid status code from registry 504 (Gateway Timeout)"),
        (MANIFEST, f"received unexpected HTTP status: 504 {sentence(HOST)}"),
    ],
    ids=["ping", "manifest"],
)
def test_a_person_reads_of_silence(
    silent: str, words: str, nodes: Nodes, serve_all: Serve, trust: Trust
) -> None:
    """Skopeo tries no second time, and shows of most answers what the status line says."""
    with OddRegistry(trust.pair.server_context(), HOST) as slow:
        slow["/v2/"], slow[silent] = Reply(b"{}"), SILENT
        proxy = serve_all(table(slow.address), metahub_answer_seconds=SECONDS)
        way = Way(proxy.url(login_of(TYPE1)))
        skopeo = nodes.start_on(Skopeo, way, {slow.address: None}, [proxy.authority])
        pull = skopeo.pull(f"{slow.address}/{REPOSITORY}")
    assert not pull.worked
    assert words in pull.seen


def comes_true(claim: Callable[[], bool]) -> bool:
    """Whether it does within a second."""
    deadline = time.monotonic() + 1
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    return claim()
