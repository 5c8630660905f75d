"""More clients than there is room for."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from metahub.demo.address import LOOPBACK, Address
from metahub.proxy.metrics import Bound
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.bounds.test_head_bytes import answer_on, ended, exceeded
from tests.proxy.running import ProxyInThread, Serve
from tests.proxy.test_presence import soon

ASK = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def leaving() -> Iterator[ExitStack]:
    """Clients leave when the test is over, or before."""
    with ExitStack() as ends:
        yield ends


def connected(proxy: ProxyInThread, source: str, leaving: ExitStack) -> socket.socket:
    """A client from an address of loopback."""
    client = socket.create_connection((LOOPBACK, proxy.address.port), 10, (source, 0))
    return leaving.enter_context(client)


def is_let_in(client: socket.socket) -> bool:
    """True if it gets an answer, rather than the end of the connection."""
    try:
        client.sendall(ASK)
        return answer_on(client).status == 200
    except OSError:
        return False


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of connections that are closed."""
    return [line for line in caplog.messages if "is closed" in line]


def test_one_address_has_not_all_the_room(
    serve: Serve, odd: OddRegistry, leaving: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    """The first ones stay, others come in, and it is said once, however many there are."""
    proxy = serve(table(odd.address), metahub_connections_per_address=3)
    first = [connected(proxy, "127.0.0.2", leaving) for _ in range(3)]
    assert all(map(is_let_in, first))
    assert not any(is_let_in(connected(proxy, "127.0.0.2", leaving)) for _ in range(20))
    assert is_let_in(connected(proxy, "127.0.0.3", leaving))
    assert all(map(is_let_in, first))
    assert lines(caplog) == [
        "A connection from 127.0.0.2 is closed: 3 connections are open from there."
    ]
    assert exceeded(proxy, Bound.CONNECTIONS_PER_ADDRESS) == 20
    first[0].close()
    assert soon(lambda: proxy.command("proxyserver.active_connections") == 3)
    assert is_let_in(connected(proxy, "127.0.0.2", leaving))


def test_there_is_room_for_so_many_in_all(
    serve: Serve, odd: OddRegistry, leaving: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever they come from."""
    proxy = serve(table(odd.address), metahub_connections=5)
    first = [connected(proxy, f"127.0.0.{number}", leaving) for number in range(2, 7)]
    assert all(map(is_let_in, first))
    others = [connected(proxy, f"127.0.1.{number}", leaving) for number in range(2, 22)]
    assert not any(map(is_let_in, others))
    assert all(map(is_let_in, first))
    assert lines(caplog) == ["A connection from 127.0.1.2 is closed: 5 connections are open."]
    leaving.close()
    assert soon(lambda: proxy.command("proxyserver.active_connections") == 0)
    assert is_let_in(connected(proxy, LOOPBACK, leaving))
    assert exceeded(proxy, Bound.CONNECTIONS) == 20


def test_nothing_is_read_of_who_is_not_let_in(
    serve: Serve, odd: OddRegistry, leaving: ExitStack
) -> None:
    """It is closed before it says anything."""
    proxy = serve(table(odd.address), metahub_connections=1)
    assert is_let_in(connected(proxy, LOOPBACK, leaving))
    assert ended(connected(proxy, LOOPBACK, leaving))


def test_any_number_may_be_allowed(serve: Serve, odd: OddRegistry, leaving: ExitStack) -> None:
    """As many as there can be files."""
    proxy = serve(table(odd.address), metahub_connections=0, metahub_connections_per_address=0)
    assert all(is_let_in(connected(proxy, LOOPBACK, leaving)) for _ in range(50))


def test_a_client_has_one_upstream_at_a_time(proxy: ProxyInThread, leaving: ExitStack) -> None:
    """However many hosts it names."""
    with OddRegistry(None) as one, OddRegistry(None) as another:
        one["/"] = another["/"] = Reply(b"x")
        client = connected(proxy, LOOPBACK, leaving)
        for upstream, former in [(one, another), (another, one), (another, one), (one, another)]:
            client.sendall(_get(upstream.address))
            assert answer_on(client).body == b"x"
            assert upstream.connections == 1
            assert soon(partial(_is_left, former))


def _is_left(upstream: OddRegistry) -> bool:
    return upstream.connections == 0


def _get(address: Address) -> bytes:
    return f"GET {address.url}/ HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
