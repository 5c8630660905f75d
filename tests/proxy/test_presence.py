"""Clients that leave: what upstream does for them ends."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mitmproxy.test import tflow

from metahub.demo.bench import TAG, qnib_bench
from metahub.proxy.presence import Presence
from tests.e2e.asking.asker import entries_of
from tests.e2e.proxies.rules import TYPE1, TYPE2, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.silence import mute
from tests.proxy.running import ProxyInThread, Serve
from tests.proxy.test_manifests import ask_as, path_of, publish

SOON = 1.5  # seconds: a look each second, and what a busy machine adds
BLOB = "/v2/a/blobs/uploads/1"
MUCH = 1_000_000_000


def close(client: socket.socket) -> None:
    """As a program that ends."""
    client.close()


def reset(client: socket.socket) -> None:
    """As a node that lost its power, and has it again."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def close_one_side(client: socket.socket) -> None:
    """As a client that still reads."""
    socket.socket.shutdown(client, socket.SHUT_WR)


LEAVE = pytest.mark.parametrize("leave", [close, reset, close_one_side])

type Leave = Callable[[socket.socket], None]


def soon(claim: Callable[[], bool]) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + SOON
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    return claim()


@LEAVE
def test_a_client_leaves_before_an_answer(
    leave: Leave, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Upstream need not think about it any longer."""
    odd[BLOB] = Reply(drips=b"")
    with proxy.wire(odd.address, login_of(TYPE1)).asking("GET", BLOB) as connection:
        assert soon(lambda: odd.waiting == 1)
        leave(connection.sock)
        assert soon(lambda: odd.connections == 0)


@LEAVE
def test_a_client_leaves_a_layer_that_comes_down(
    leave: Leave, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Upstream need not send the rest."""
    odd[BLOB] = Reply(bytes(MUCH // 10))
    with proxy.wire(odd.address, login_of(TYPE1)).asking("GET", BLOB) as connection:
        answer = connection.getresponse()
        assert answer.read(1)
        if leave is not close_one_side:
            answer.close()
        leave(connection.sock)
        assert soon(lambda: odd.connections == 0)


@LEAVE
def test_a_client_leaves_a_layer_that_goes_up(
    leave: Leave, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Upstream need not wait for the rest."""
    wire = proxy.wire(odd.address, login_of(TYPE1))
    with wire.asking("PUT", BLOB, {"Content-Length": str(MUCH)}, b"begun") as connection:
        assert soon(lambda: odd.connections == 1)
        leave(connection.sock)
        assert soon(lambda: odd.connections == 0)


@pytest.mark.e2e
def test_a_client_leaves_a_layer_that_goes_nowhere(serve: Serve) -> None:
    """Mitmproxy reads nothing more of it, and would see the client leave after ten minutes."""
    with mute("http") as (upstream, _):
        wire = serve(table(upstream)).wire(upstream, login_of(TYPE1))
        with wire.asking("PUT", BLOB, {"Content-Length": str(MUCH)}) as connection:
            connection.sock.settimeout(0.5)
            with pytest.raises(TimeoutError):
                connection.sock.sendall(bytes(MUCH // 10))
            assert _established_to(upstream.port) == 1
            reset(connection.sock)
            assert soon(lambda: _established_to(upstream.port) == 0)


def _established_to(port: int) -> int:
    """How many connections to a port of loopback are open: proc_net_tcp of the kernel."""
    fields = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(
        remote.endswith(f":{port:04X}") and state == "01" for _, _, remote, state, *_ in fields
    )


@LEAVE
def test_a_client_leaves_a_question_of_ours(
    leave: Leave, proxy: ProxyInThread, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """It was asked on behalf of this client alone; and a client that leaves is no bug of ours."""
    odd[path_of(TAG)] = Reply(drips=b"")
    wire = proxy.wire(odd.address, login_of(TYPE1))
    with wire.asking("GET", path_of(TAG)) as connection:
        assert soon(lambda: odd.waiting == 1)
        leave(connection.sock)
        assert soon(lambda: odd.waiting == 0)
    assert odd.times("GET", path_of(TAG)) == 0
    assert "bug" not in caplog.text


def test_who_waits_for_another_goes_on_alone(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Both want the same index, and the one who fetched it leaves."""
    images = qnib_bench()
    upstream = path_of(publish(odd, images))
    found, odd[upstream] = odd.replies[upstream], Reply(drips=b"")
    leaving = proxy.wire(odd.address, login_of(TYPE1))
    with ThreadPoolExecutor(1) as threads, leaving.asking("GET", path_of(TAG)) as connection:
        assert soon(lambda: odd.waiting == 1)
        staying = threads.submit(ask_as(TYPE2, proxy, odd).get, TAG)
        assert soon(lambda: odd.times("HEAD", path_of(TAG)) == 2)
        odd[upstream] = found
        close(connection.sock)
        answer = staying.result()
    assert entries_of(answer) == [str(images.images[2].manifest.digest)]
    assert odd.times("GET", upstream) == 2


async def test_work_comes_to_what_it_comes_to() -> None:
    """A result, or an error."""

    async def work(result: int) -> int:
        return 1 // result

    presence, client = Presence(), tflow.tclient_conn()
    assert await presence.unless_gone(client, work(1)) == 1
    with pytest.raises(ZeroDivisionError):
        await presence.unless_gone(client, work(0))
    presence.client_disconnected(client)


async def test_work_ends_with_whoever_waits_for_it() -> None:
    """Mitmproxy ends its own tasks when it stops."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.ensure_future(Presence().unless_gone(tflow.tclient_conn(), work()))
    await begun.wait()
    waiting.cancel()
    await asyncio.wait_for(ended.wait(), 1)
    assert waiting.cancelling()
