"""Heads of any length: how much of one is read, from clients and from upstream."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import product

import pytest

from metahub.demo.address import LOOPBACK
from metahub.demo.tls import trusting
from metahub.proxy.metrics import EXCEEDED, Bound
from tests.e2e.asking.wire import Answer
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE
from tests.proxy.running import ProxyInThread, Serve
from tests.proxy.test_presence import soon

MOST = 4096
SENTENCE = f"MetaHub: more than {MOST} bytes of headers"
BLOB = "/v2/a/blobs/1"
CHUNKED = f"POST {BLOB} HTTP/1.1\r\nHost: {HERE}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


@pytest.fixture
def bounded(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A proxy that reads short heads."""
    return serve(table(odd.address), metahub_head_bytes=MOST)


def head(length: int, first: str) -> bytes:
    """A request of exactly so many bytes."""
    begin, end = f"{first} HTTP/1.1\r\nHost: {HERE}\r\nX: ".encode(), b"\r\n\r\n"
    return begin + b"x" * (length - len(begin) - len(end)) + end


@contextmanager
def plainly(proxy: ProxyInThread) -> Iterator[socket.socket]:
    """A connection to the proxy."""
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as plain:
        yield plain


@contextmanager
def tunnelled(proxy: ProxyInThread, odd: OddRegistry) -> Iterator[socket.socket]:
    """A connection to upstream, by a tunnel that the proxy reads."""
    with plainly(proxy) as plain:
        plain.sendall(f"CONNECT {odd.address} HTTP/1.1\r\n\r\n".encode())
        assert plain.recv(4096).startswith(b"HTTP/1.1 200")
        secured = trusting(proxy.authority).wrap_socket(plain, server_hostname=HERE)
        with secured:
            yield secured


def answer_on(way: socket.socket) -> Answer:
    """What comes back."""
    with closing(http.client.HTTPResponse(way)) as response:
        response.begin()
        return Answer.of(response)


def ended(way: socket.socket) -> bool:
    """True if it ends, with whatever comes before that; raises TimeoutError if not."""
    with suppress(ConnectionError):
        while way.recv(65536):
            pass
    return True


def exceeded(proxy: ProxyInThread, bound: Bound = Bound.HEAD_BYTES) -> float:
    """How often a bound was, as the metrics say."""
    with plainly(proxy) as plain:
        plain.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        text = answer_on(plain).body.decode()
    name = f'{EXCEEDED.name}{{bound="{bound}"}} '
    (line,) = [line for line in text.splitlines() if line.startswith(name)]
    return float(line.removeprefix(name))


FIRST = (f"CONNECT {HERE}:1", "GET http://localhost/", "GET /")


def test_a_client_is_told_of_a_long_head(
    bounded: ProxyInThread, caplog: pytest.LogCaptureFixture
) -> None:
    """In a registry's words, and that is the end: what it still sends is not read as a request."""
    for first, length in product(FIRST, (MOST + 1, 200 * MOST)):
        with plainly(bounded) as plain:
            plain.sendall(head(length, first))
            answer = answer_on(plain)
            plain.sendall(head(MOST, "GET /"))
        assert (answer.status, answer.reason) == (431, SENTENCE)
        assert answer.headers["connection"] == "close"
        assert json.loads(answer.body)["errors"][0]["message"] == SENTENCE
    assert exceeded(bounded) == 2 * len(FIRST)
    assert "Traceback" not in caplog.text


def test_a_client_is_told_in_a_tunnel_too(bounded: ProxyInThread, odd: OddRegistry) -> None:
    """That is where requests are."""
    with tunnelled(bounded, odd) as way:
        way.sendall(head(20 * MOST, f"GET {BLOB}"))
        assert (answer := answer_on(way)).status == 431
    assert answer.reason == SENTENCE
    assert not odd.asked


def test_a_head_may_have_all_there_is(bounded: ProxyInThread, odd: OddRegistry) -> None:
    """Whether it comes at once or in pieces, again and again."""
    odd[BLOB] = Reply(b"layer")
    with tunnelled(bounded, odd) as way:
        for _ in range(3):
            request = head(MOST, f"GET {BLOB}")
            for piece in (request[:1000], request[1000:-1], request[-1:]):
                way.sendall(piece)
            assert answer_on(way).body == b"layer"
    assert exceeded(bounded) == 0


def test_a_long_head_of_upstreams_is_no_answer(serve: Serve, odd: OddRegistry) -> None:
    """The client is told that upstream is to blame, and upstream is rid of the question."""
    proxy = serve(table(odd.address), metahub_head_bytes=1024)
    said = "MetaHub: no answer from localhost: more than 1024 bytes of headers"
    for length in (1024, 200_000):
        odd[BLOB] = Reply(headers={"X": "x" * length})
        answer = proxy.wire(odd.address, login_of(TYPE1)).ask("GET", BLOB)
        assert (answer.status, answer.reason) == (502, said)
    assert exceeded(proxy) == 2
    assert soon(lambda: odd.connections == 0)


MORE = {
    "a-chunk": b"1;" + b"x" * 10 * MOST,
    "trailers": b"0\r\n" + b"X: y\r\n" * MOST,
    "what-comes-next": b"0\r\n\r\n" + b"x" * 10 * MOST,
}


def test_nothing_else_is_held_either(
    bounded: ProxyInThread, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """What mitmproxy puts aside until it makes sense, or until its turn comes."""
    odd[BLOB] = Reply(drips=b"")
    for what, more in MORE.items():
        with tunnelled(bounded, odd) as way:
            with suppress(ConnectionError):
                way.sendall(CHUNKED + more)
            assert ended(way), what
    assert "Traceback" not in caplog.text


def test_nor_of_upstreams(bounded: ProxyInThread) -> None:
    """An answer that has begun is cut."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    with socket.create_server((LOOPBACK, 0)) as listening, plainly(bounded) as plain:
        there = f"{LOOPBACK}:{listening.getsockname()[1]}"
        plain.sendall(f"GET http://{there}/ HTTP/1.1\r\nHost: {there}\r\n\r\n".encode())
        upstream, _ = listening.accept()
        with upstream:
            upstream.sendall(head + MORE["a-chunk"])
            response = http.client.HTTPResponse(plain)
            response.begin()
            with pytest.raises(http.client.IncompleteRead):
                response.read()
            assert ended(upstream)
