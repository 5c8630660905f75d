"""Bodies that stand still, and slow ones."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from metahub.demo.address import LOOPBACK, Address
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.silence import mute
from tests.proxy.bounds.test_head_bytes import BLOB
from tests.proxy.running import ProxyInThread, Serve

MUCH = 64 * 1024 * 1024
FEW = 16 * 1024
ESTABLISHED = "01"

pytestmark = pytest.mark.e2e


@pytest.fixture
def plain() -> Iterator[OddRegistry]:
    """An upstream without TLS, which has a large layer."""
    with OddRegistry(None) as running:
        running[BLOB] = Reply(bytes(MUCH))
        yield running


@contextmanager
def asking(method: str, upstream: Address, proxy: ProxyInThread) -> Iterator[socket.socket]:
    """A client that takes little at a time, and has asked for the layer, or to take one."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, FEW)
        client.settimeout(0.2)
        client.connect((LOOPBACK, proxy.address.port))
        head = f"{method} {upstream.url}{BLOB} HTTP/1.1\r\nHost: a\r\nContent-Length: "
        client.sendall(f"{head}{MUCH if method == 'PUT' else 0}\r\n\r\n".encode())
        yield client


def established(local: int | None, remote: int) -> int:
    """How many connections between two ports of loopback are open: proc_net_tcp of the kernel."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    here, there = "" if local is None else f":{local:04X}", f":{remote:04X}"
    return sum(
        one.endswith(here) and other.endswith(there) and state == ESTABLISHED
        for _, one, other, state, *_ in lines
    )


def within(seconds: float, claim: Callable[[], bool]) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.02)
    return claim()


def test_a_client_that_reads_nothing_is_left(serve: Serve, plain: OddRegistry) -> None:
    """Neither upstream's connection nor the client's is held, nor what is in them."""
    proxy = serve(table(plain.address), tcp_timeout=1)
    with asking("GET", plain.address, proxy) as client:
        ours, port = client.getsockname()[1], proxy.address.port
        assert within(1, lambda: plain.connections == 1)
        assert within(3, lambda: plain.connections == 0)
        assert within(3, lambda: not established(port, ours))


def test_an_upstream_that_reads_nothing_is_left(serve: Serve) -> None:
    """The same the other way."""
    with mute("http") as (upstream, _):
        proxy = serve(table(upstream), tcp_timeout=1)
        with asking("PUT", upstream, proxy) as client:
            with pytest.raises(TimeoutError):
                client.sendall(bytes(MUCH))
            ours, port = client.getsockname()[1], proxy.address.port
            assert within(4, lambda: not established(port, ours))
            assert within(4, lambda: established(None, upstream.port) == 0)


def test_a_slow_client_is_waited_for(serve: Serve, plain: OddRegistry) -> None:
    """It takes what the kernel has at once, of which mitmproxy sees nothing."""
    proxy = serve(table(plain.address), tcp_timeout=1)
    with asking("GET", plain.address, proxy) as client:
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            assert client.recv(FEW)
            time.sleep(0.1)
        assert plain.connections == 1
