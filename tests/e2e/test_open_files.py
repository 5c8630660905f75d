"""How many connections there may be at a time."""

import resource
import socket
from contextlib import ExitStack

from metahub.demo.address import LOOPBACK
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply


def test_all_files_that_the_system_allows_may_be_open(serve: Serve, odd: OddRegistry) -> None:
    """Services start with a low limit, which each may raise as far as a second one allows."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before, most // 2), most))
    try:
        proxy = serve(table(odd.address))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
    assert proxy.running
    assert resource.prlimit(proxy.running.process.pid, resource.RLIMIT_NOFILE) == (most, most)


FILES = 160
ROOM = 32  # clients, for which all these files suffice


def test_connections_end_before_the_files_do(serve: Serve, odd: OddRegistry) -> None:
    """Those that are let in are served, with upstream's connections open too, and no other is."""
    proxy = serve(table(odd.address))
    odd["/blob"] = Reply(b"layer", pause=0.5)
    assert proxy.running
    resource.prlimit(proxy.running.process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
    wire = proxy.wire(odd.address, login_of(TYPE1))
    with ExitStack() as ends:
        asking = [ends.enter_context(wire.asking("GET", "/blob")) for _ in range(ROOM)]
        for _ in range(2 * FILES):
            assert _is_closed(ends.enter_context(_connection(proxy)))
        assert all(connection.getresponse().read() == b"layer" for connection in asking)
    assert "open files" not in proxy.said()
    assert proxy.said().count(f"{ROOM} connections are open") == 1


def _connection(proxy: Proxy) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.address.port), 10)


def _is_closed(client: socket.socket) -> bool:
    return not client.recv(1)
