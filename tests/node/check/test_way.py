"""The way to a proxy: what is waited for, and how long."""

import threading

import pytest

from metahub.node.check.proxy_url import ProxyUrl
from metahub.node.check.way import NoAnswerError, Way, addresses
from tests.e2e.upstreams.silence import dead, mute
from tests.node.check.odd_proxy import OddProxy, page

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
)


def way(port: int, patience: float = 5) -> Way:
    """To a port of this machine."""
    return Way(ProxyUrl("http", "127.0.0.1", port), patience=patience)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (page("abc", x_a="b"), b"abc"),
        (CHUNKED, b"abc"),
        (b"HTTP/1.0 200 OK\r\nx-a: b\r\n\r\nabc", b"abc"),
        (page(b"a" * 1024 * 1024 + b"b", x_a="b"), b"a" * 1024 * 1024),
    ],
)
async def test_an_answer(answer: bytes, body: bytes) -> None:
    """Is read to its end, however that is told, unless it is far too long."""
    with OddProxy({"GET /": answer}).running() as proxy:
        got = await way(proxy.port).ask("/")
    assert (got.words, got.headers["x-a"], got.body) == ("200 OK", "b", body)


async def test_silence() -> None:
    """Of who takes a connection, and of who takes none, has an end."""
    with mute("http") as (quiet, listening), listening, dead("http") as gone:
        for address in (quiet, gone):
            with pytest.raises(NoAnswerError, match=r"^gave no answer within 0\.1 seconds$"):
                await way(address.port, 0.1).ask("/")


async def test_an_address_that_has_no_way() -> None:
    """The system says why."""
    there = Way(ProxyUrl("http", "255.255.255.255", 1))
    with pytest.raises(NoAnswerError, match=r"^cannot be reached \(.+\)$"):
        await there.ask("/")


def test_addresses() -> None:
    """Each once."""
    assert addresses("127.0.0.1") == ["127.0.0.1"]
    assert addresses("::1") == ["::1"]


def test_a_resolver_that_takes_too_long() -> None:
    """Is left behind."""
    ended = threading.Event()

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        ended.wait(10)
        return []

    with pytest.raises(NoAnswerError, match=r"^no name server answered within 0\.01 seconds$"):
        addresses("proxy.test", resolve, 0.01)
    ended.set()
