"""Upstreams that say nothing: clients are told, and soon. Bodies that flow may take their time."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace

import pytest
from mitmproxy import ctx
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.exceptions import OptionsError
from mitmproxy.proxy.server import ConnectionIO
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import taddons, tflow

from metahub.demo.address import LOOPBACK, Address
from metahub.demo.bench import TABLE, TAG, qnib_bench
from metahub.proxy.decisions import Decisions
from metahub.proxy.failures import Failures
from metahub.proxy.gate import Gate
from metahub.proxy.itself import Itself
from metahub.proxy.logins import Logins
from metahub.proxy.lookups import Lookups
from metahub.proxy.metrics import Metrics
from metahub.proxy.options import Options
from metahub.proxy.patience import Patience
from metahub.proxy.reach import Reach
from metahub.proxy.rules_in_force import RulesInForce
from tests.e2e.asking.wire import Answer, Wire
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import PIECE, OddRegistry, Reply
from tests.e2e.upstreams.silence import dead, mute
from tests.e2e.upstreams.trust import HERE, Trust
from tests.proxy.running import ProxyInThread, Serve
from tests.proxy.test_failures import UPLOAD, sentence_of
from tests.proxy.test_manifests import ask_as, path_of, publish

SENTENCE = "MetaHub: no answer from localhost within 1 seconds"
COMMIT = f"{UPLOAD}?_state=x&digest=sha256:{'0' * 64}"
HANDSHAKE = 5  # seconds in which an upstream may show that it speaks TLS
LAYER = bytes(8 * 1024 * 1024)

type Upstream = Callable[[Trust], AbstractContextManager[Address]]


@contextmanager
def reading(scheme: str, drips: bytes, trust: Trust) -> Iterator[Address]:
    """An upstream that reads the whole request."""
    with OddRegistry(trust.pair.server_context() if scheme == "https" else None, HERE) as running:
        running[UPLOAD] = Reply(drips=drips)
        yield running.address
        assert not running.waiting


@contextmanager
def not_reading(scheme: str) -> Iterator[Address]:
    """An upstream that connects, and no more."""
    with mute(scheme) as (address, _):
        yield address


UPSTREAMS: dict[str, Upstream] = {
    "silent": lambda trust: reading("https", b"", trust),
    "silent-without-tls": lambda trust: reading("http", b"", trust),
    "dripping": lambda trust: reading("https", b"HTTP/1.1 200 OK\r\nX: " + bytes(1000), trust),
    "no-handshake": lambda _: not_reading("https"),
    "mute": lambda _: not_reading("http"),
    "dead": lambda _: dead("https"),
    "dead-without-tls": lambda _: dead("http"),
}

CASES = [
    *((name, method) for name in UPSTREAMS for method in ("GET", "PUT")),
    *((name, "HEAD") for name in ("silent", "mute", "dead-without-tls")),
]


def patient(serve: Serve, *upstreams: Address, **options: object) -> ProxyInThread:
    """A proxy that waits for one second."""
    return serve(table(*upstreams), metahub_answer_seconds=1, **options)


def seconds_of(ask: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.monotonic()
    ask()
    return time.monotonic() - begun


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "method"), CASES)
def test_a_client_is_told_of_silence(name: str, method: str, serve: Serve, trust: Trust) -> None:
    """Wherever upstream stops, in a registry's words; and the connection to it is ended."""
    with UPSTREAMS[name](trust) as upstream:
        wire = patient(serve, upstream).wire(upstream, login_of(TYPE1))
        begun = time.monotonic()
        answer = wire.ask(method, UPLOAD, body=b"layer" if method == "PUT" else None)
        took = time.monotonic() - begun
        time.sleep(0.2)
    assert (answer.status, answer.reason) == (504, SENTENCE)
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == b"" if method == "HEAD" else sentence_of(answer) == SENTENCE
    assert took < (HANDSHAKE + 2.5 if name in {"no-handshake", "dead"} else 2.5)


@pytest.mark.e2e
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_next_proxy_may_be_silent_too(method: str, serve: Serve, odd: OddRegistry) -> None:
    """It is on the way to upstream."""
    with mute("http") as (next_proxy, _):
        mode = [f"upstream:{next_proxy.url}"]
        wire = patient(serve, odd.address, mode=mode).wire(odd.address, login_of(TYPE1))
        answer = wire.ask(method, UPLOAD, body=b"layer" if method == "PUT" else None)
    assert (answer.status, answer.reason) == (504, SENTENCE)


@pytest.mark.e2e
def test_a_mirror_tells_of_silence(serve: Serve, odd: OddRegistry) -> None:
    """Its clients ask it as they would ask the registry."""
    odd[UPLOAD] = Reply(drips=b"")
    mirror = patient(serve, odd.address, mode=[f"reverse:{odd.address.url}"])
    for scheme in ("http", "https"):
        wire = Wire(Address(LOOPBACK, mirror.address.port, scheme), mirror.authority)
        answer = wire.ask("GET", UPLOAD)
        assert (answer.status, sentence_of(answer)) == (504, answer.reason)


@pytest.mark.e2e
def test_a_tunnel_to_a_dead_host_ends(serve: Serve, odd: OddRegistry) -> None:
    """No request is seen in it: the client sees it end."""
    proxy = patient(serve, odd.address)
    with dead("https") as nobody:
        wire = proxy.wire(nobody, login_of(TYPE1))
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            wire.ask("GET", UPLOAD)


@pytest.mark.e2e
def test_nobody_waits_for_ever(serve: Serve, odd: OddRegistry) -> None:
    """Also not those who wait for the one who asks upstream: all are told at the same time."""
    proxy, upstream = patient(serve, odd.address), publish(odd, qnib_bench())
    odd[path_of(upstream)] = Reply(drips=b"")
    answers: list[Answer] = []
    asking = [
        threading.Thread(target=lambda user=user: answers.append(ask_as(user, proxy, odd).get(TAG)))
        for user in TABLE
    ]
    assert seconds_of(lambda: [*map(threading.Thread.start, asking), *map(_join, asking)]) < 2.5
    assert {(answer.status, answer.reason) for answer in answers} == {(504, SENTENCE)}
    assert {sentence_of(answer) for answer in answers} == {SENTENCE}
    assert len(answers) == len(TABLE)


def _join(thread: threading.Thread) -> None:
    thread.join()


@pytest.mark.e2e
def test_a_layer_may_take_its_time_down(serve: Serve, odd: OddRegistry) -> None:
    """Twice as long as upstream may be silent before it."""
    odd["/blob"] = Reply(bytes(4 * PIECE), pause=0.5)
    answer = patient(serve, odd.address).wire(odd.address, login_of(TYPE1)).ask("GET", "/blob")
    assert (answer.status, len(answer.body)) == (200, 4 * PIECE)


@pytest.mark.e2e
def test_a_layer_may_take_its_time_up(serve: Serve, odd: OddRegistry) -> None:
    """Upstream cannot answer before it has come."""
    odd[UPLOAD] = Reply(status=201)
    wire = patient(serve, odd.address).wire(odd.address, login_of(TYPE1))
    with wire.asking("PUT", UPLOAD, {"Content-Length": "4"}) as connection:
        for _ in range(4):
            time.sleep(0.5)
            connection.send(b"x")
        assert connection.getresponse().status == 201


@pytest.mark.e2e
def test_a_registry_may_take_its_time_to_keep_a_layer(serve: Serve, odd: OddRegistry) -> None:
    """It may have gigabytes to move before it says that it has them."""
    odd[COMMIT] = Reply(status=201, delay=1.5)
    wire = patient(serve, odd.address).wire(odd.address, login_of(TYPE1))
    for body in (b"layer", b""):
        assert wire.ask("PUT", COMMIT, body=body).status == 201


@pytest.mark.e2e
def test_a_registry_that_is_to_keep_a_layer_has_to_be_reached(serve: Serve) -> None:
    """Also where the layer itself has come before."""
    with mute("https") as (upstream, _):
        wire = patient(serve, upstream).wire(upstream, login_of(TYPE1))
        answer = wire.ask("PUT", COMMIT, body=b"")
    assert (answer.status, answer.reason) == (504, SENTENCE)


@pytest.mark.e2e
def test_the_end_of_a_layer_may_be_on_the_line(serve: Serve) -> None:
    """What a slow line has still to carry is sent as far as the client can tell."""
    with mute("http") as (upstream, listening):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        wire = patient(serve, upstream).wire(upstream, login_of(TYPE1))
        slow = threading.Thread(target=_read_slowly, args=(listening, 3.0))
        slow.start()
        answer = wire.ask("PUT", UPLOAD, body=LAYER)
        slow.join()
    assert answer.status == 201


def _read_slowly(listening: socket.socket, seconds: float) -> None:
    piece = len(LAYER) // 32
    with listening.accept()[0] as accepted:
        for _ in range(32):
            time.sleep(seconds / 32)
            accepted.recv(piece, socket.MSG_WAITALL)
        accepted.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        accepted.recv(PIECE)


@pytest.fixture
def patience() -> Iterator[Patience]:
    """The addon alone, beside those of mitmproxy that it asks."""
    metrics = Metrics()
    logins = Logins(dict, metrics)
    rules = RulesInForce(metrics)
    reach, itself = Reach(rules, Lookups()), Itself(Lookups())
    gate = Gate(rules, reach, logins, itself, lambda client: client, Decisions())
    with taddons.context(Options(), Proxyserver()):
        yield Patience(gate, Failures(), lambda bound: bound)
    gate.done()


async def test_what_a_person_holds_is_not_upstreams_silence(
    patience: Patience, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever looks at a request in mitmweb may take time: it is sent on afterwards."""
    flow = tflow.tflow()
    flow.intercept()
    patience.give_up(flow)
    assert not caplog.records
    flow.resume()
    patience.give_up(flow)
    assert "no answer from address within 30 seconds" in caplog.text
    patience.error(flow)


async def test_a_connection_that_is_shared_is_left_alone(
    patience: Patience, caplog: pytest.LogCaptureFixture
) -> None:
    """Over HTTP/2 a layer may flow beside the request that waits."""
    flow = tflow.tflow()
    flow.request.http_version = "HTTP/2.0"
    patience.give_up(flow)
    assert not caplog.records


@pytest.mark.e2e
async def test_a_dead_host_is_no_reason_to_leave_another(patience: Patience) -> None:
    """Over HTTP/2 a mirror may have layers of other registries on their way to the client."""
    ctx.options.metahub_answer_seconds = 1
    client, in_use, dead_one = tflow.tclient_conn(), tflow.tserver_conn(), tflow.tserver_conn()
    tasks = {server: asyncio.ensure_future(asyncio.sleep(9)) for server in (in_use, dead_one)}
    lines = {server: ConnectionIO(task) for server, task in tasks.items()}
    connections = ctx.master.addons.get("proxyserver").connections
    connections[client.id] = SimpleNamespace(transports=lines)
    patience.server_connect(ServerConnectionHookData(dead_one, client))
    await asyncio.wait({tasks[dead_one]}, timeout=1.5)
    assert tasks[dead_one].cancelled()
    assert not tasks[in_use].cancelling()
    tasks[in_use].cancel()


async def test_a_limit_is_a_limit(patience: Patience) -> None:
    """Without one, whoever is silent holds clients."""
    ctx.options.metahub_answer_seconds = 0
    with pytest.raises(OptionsError) as caught:
        patience.configure({"metahub_answer_seconds"})
    said = "metahub_answer_seconds: expected a number of seconds from 1 on, found 0"
    assert str(caught.value) == said
