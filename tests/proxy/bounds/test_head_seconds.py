"""Clients that do not come to the point, and those that do and then are silent."""

import socket
import time

import pytest
from mitmproxy.exceptions import OptionsError
from mitmproxy.test import taddons

from metahub.demo.address import LOOPBACK, Address
from metahub.proxy.bounds.checks import Checks
from metahub.proxy.options import Options
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.bounds.test_head_bytes import BLOB, answer_on, plainly, tunnelled
from tests.proxy.running import ProxyInThread, Serve

LATEST = 1.9  # seconds after which the proxy, which waits for one, has closed
GET = f"GET {BLOB} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


@pytest.fixture
def hurried(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A proxy that waits for one second."""
    odd[BLOB] = Reply(b"layer")
    return serve(table(odd.address), metahub_head_seconds=1)


def is_closed_in_time(way: socket.socket, drips: bytes = b"") -> bool:
    """True if the other end closes; until then, it gets a byte now and then."""
    way.settimeout(0.2)
    deadline = time.monotonic() + LATEST
    left = iter(drips)
    while time.monotonic() < deadline:
        try:
            way.sendall(bytes([next(left)]) if drips else b"")
            if not way.recv(65536):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


CONNECT = b"CONNECT %s HTTP/1.1\r\n\r\n"
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("first", "drips"),
    [
        (b"", b""),
        (b"", b"GET http://a/ HTTP/1.1\r\n"),
        (b"CONNECT", b""),
        (CONNECT, b""),
        (CONNECT, b"GET / HTTP/1.1\r\n"),
        (CONNECT + HELLO, bytes(100)),
    ],
    ids=["silence", "drips", "a-word", "a-tunnel", "drips-in-a-tunnel", "a-handshake"],
)
def test_who_does_not_come_to_the_point_is_closed(
    first: bytes, drips: bytes, hurried: ProxyInThread, odd: OddRegistry
) -> None:
    """However busy it looks."""
    with plainly(hurried) as plain:
        plain.sendall(first.replace(b"%s", str(odd.address).encode()))
        assert is_closed_in_time(plain, drips)


@pytest.mark.e2e
def test_a_kept_connection_may_be_silent_but_not_in_a_request(
    hurried: ProxyInThread, odd: OddRegistry
) -> None:
    """Clients keep connections for a minute or two, and go on with whole requests."""
    with tunnelled(hurried, odd) as way:
        time.sleep(1.2)
        way.sendall(GET)
        assert answer_on(way).body == b"layer"
        time.sleep(1.2)
        way.sendall(GET)
        assert answer_on(way).body == b"layer"
        way.sendall(GET[:-4])
        assert is_closed_in_time(way)


@pytest.mark.e2e
@pytest.mark.parametrize("says", [b"SSH-2.0-x\r\n", HELLO])
def test_a_tunnel_that_is_not_read_may_be_silent(says: bytes, hurried: ProxyInThread) -> None:
    """Nobody knows what it is for."""
    with socket.create_server((LOOPBACK, 0)) as listening, plainly(hurried) as plain:
        there = Address(LOOPBACK, listening.getsockname()[1], "https")
        plain.sendall(CONNECT.replace(b"%s", str(there).encode()))
        assert plain.recv(4096).startswith(b"HTTP/1.1 200")
        plain.sendall(says)
        upstream, _ = listening.accept()
        with upstream:
            assert upstream.recv(4096) == says
            assert not is_closed_in_time(plain)


@pytest.mark.e2e
def test_an_answer_may_take_longer_than_its_question(
    hurried: ProxyInThread, odd: OddRegistry
) -> None:
    """That is for another bound."""
    odd[BLOB] = Reply(b"layer", delay=1.3)
    with tunnelled(hurried, odd) as way:
        way.sendall(GET)
        assert answer_on(way).body == b"layer"


@pytest.mark.parametrize(
    ("option", "least"), [("metahub_head_bytes", 1024), ("metahub_head_seconds", 1)]
)
def test_a_bound_lets_somebody_in(option: str, least: int) -> None:
    """Without any, whoever sends much or little would be served for ever."""
    with taddons.context(Options(), Checks()) as context:
        context.options.update(**{option: least})
        with pytest.raises(OptionsError) as caught:
            context.options.update(**{option: least - 1})
    said = f"{option}: expected a number from {least} on, found {least - 1}"
    assert str(caught.value) == said
