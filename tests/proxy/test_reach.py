"""Where nobody is led, whatever it is called: a whole proxy, and a socket that hears of nobody."""

import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from metahub.core.outcome import Outcome
from metahub.demo.address import LOOPBACK, Address, free_port
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.proxy.gate import UNSEEN
from metahub.proxy.launcher import Tool
from metahub.proxy.reach import is_of_this_machine
from tests.e2e.asking.wire import NoTunnelError, Wire
from tests.e2e.proxies.rules import TYPE1, Rules, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE, Trust
from tests.proxy.running import ProxyInThread, Serve
from tests.proxy.test_decisions import Said, said
from tests.proxy.test_manifests import ask_as

__all__ = ["said"]

REBOUND = "rebound.test"
PUBLIC = "192.0.2.1"  # RFC 5737: nobody is there
PATH = f"/v2/{REPOSITORY}/manifests/{TAG}"

type Resolve = Callable[[Sequence[Sequence[str]]], None]


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """What listens on loopback, and never hears of anybody."""
    with closing(socket.create_server((LOOPBACK, 0))) as listening:
        listening.setblocking(False)
        yield listening
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Has REBOUND lead to these addresses, one time after the other, and then to the last."""
    truly = socket.getaddrinfo

    def resolving(answers: Sequence[Sequence[str]]) -> None:
        left = list(answers)

        def getaddrinfo(host: Any, *more: Any, **named: Any) -> Any:
            if host != REBOUND:
                return truly(host, *more, **named)
            addresses = left.pop(0) if len(left) > 1 else left[0]
            return [one for address in addresses for one in truly(address, *more, **named)]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return resolving


def strict(odd: OddRegistry, trap: socket.socket, *allowed: str) -> Rules:
    """Rules that list only this besides the registry, and another whose port the trap has."""
    rules = table(odd.address, Address("elsewhere.test", _port(trap)))
    return rules | {"allow_destinations": list(allowed)}


def _port(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def connect(proxy: ProxyInThread, there: str, then: bytes = b"") -> bytes:
    """What a client gets for a CONNECT, and for what it sends in the tunnel."""
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as way:
        way.sendall(f"CONNECT {there} HTTP/1.1\r\n\r\n".encode())
        got = way.recv(65536)
        if then and got.startswith(b"HTTP/1.1 200 "):
            way.sendall(then)
            got += b"".join(iter(lambda: way.recv(65536), b""))
        return got


def get(proxy: ProxyInThread, url: str) -> bytes:
    """What a client gets for a plain request."""
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as way:
        host = url.split("/")[2]
        way.sendall(f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: way.recv(65536), b""))


SPELLINGS = (
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    HERE,
    "LOCALHOST.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "0.0.0.0",
    "0",
    "[::]",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "224.0.0.1",
)


def test_nobody_is_led_into_the_machine_of_the_proxy(
    serve: Serve, odd: OddRegistry, trap: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor to a cloud's metadata: 403 before the 200, in each spelling, and nothing is connected."""
    proxy = serve(strict(odd, trap))
    for host in SPELLINGS:
        there = f"{host}:{_port(trap)}"
        for answer in (connect(proxy, there), get(proxy, f"http://{there}/")):
            assert answer.startswith(f"HTTP/1.1 403 MetaHub: {there} is refused: ".encode())
    assert "server connect" not in caplog.text


def test_it_is_told_once_who_wanted_to_go_there(
    serve: Serve, odd: OddRegistry, trap: socket.socket, said: Said
) -> None:
    """With the sentence that the client has, and its name."""
    proxy = serve(strict(odd, trap))
    there = Address("127.0.0.1", _port(trap))
    for _ in range(2):
        with pytest.raises(NoTunnelError) as caught:
            proxy.wire(there, login_of(TYPE1)).ask("GET", "/")
    (decision,) = said()
    assert decision.outcome is Outcome.NOT_A_WAY_IN
    assert (decision.client.user, decision.machine_type) == (TYPE1.name, TYPE1.machine_type)
    assert decision.image == str(there)
    assert decision.message == caught.value.answer.reason
    why = "127.0.0.1 is a loopback address; to allow it, list"
    assert decision.message == f"MetaHub: {there} is refused: {why} {there} in allow_destinations"


def test_a_port_that_no_registry_has(serve: Serve, odd: OddRegistry, trap: socket.socket) -> None:
    """Nobody is looked up for it that would not be otherwise."""
    proxy = serve(strict(odd, trap))
    answer = connect(proxy, f"{PUBLIC}:25")
    assert answer.startswith(
        f"HTTP/1.1 403 MetaHub: {PUBLIC}:25 is refused: 25 is neither 443, 80 nor".encode()
    )


def test_what_is_listed_is_opened(serve: Serve, odd: OddRegistry, trap: socket.socket) -> None:
    """By the address, though the client says a name."""
    with OddRegistry(None, HERE) as other:
        other["/"] = Reply(b"other's own")
        allowed = f"127.0.0.1:{other.address.port}"
        proxy = serve(strict(odd, trap, allowed) | {"unknown_destinations": "deny"})
        assert get(proxy, f"{other.address.url}/").endswith(b"other's own")
        request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert connect(proxy, str(other.address), request).endswith(b"other's own")
        assert connect(proxy, f"{HERE}:{_port(trap)}").startswith(b"HTTP/1.1 403 ")


def test_a_closed_proxy(serve: Serve, odd: OddRegistry, trap: socket.socket) -> None:
    """It leads to registries and to nobody else."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    proxy = serve(strict(odd, trap) | {"unknown_destinations": "deny"})
    assert ask_as(TYPE1, proxy, odd).get(TAG).status == 200
    for answer in (connect(proxy, f"{PUBLIC}:443"), get(proxy, f"http://{PUBLIC}/")):
        assert b"is refused: the rules deny unknown destinations; " in answer


def test_it_goes_by_the_rules_of_the_moment(
    serve: Serve, odd: OddRegistry, trap: socket.socket
) -> None:
    """Of an edit, the next connection has the good."""
    with OddRegistry(None, HERE) as other:
        rules = strict(odd, trap)
        proxy = serve(rules)
        assert connect(proxy, str(other.address)).startswith(b"HTTP/1.1 403 ")
        proxy.rule(rules | {"allow_destinations": [str(other.address)]})
        proxy.command("metahub.reload")
        assert connect(proxy, str(other.address)).startswith(b"HTTP/1.1 200 ")


def test_its_own_ports_are_no_destination(
    serve: Serve, odd: OddRegistry, trap: socket.socket
) -> None:
    """Not even where loopback is listed whole: it would lead in circles."""
    rules = strict(odd, trap, "127.0.0.0/8:*")
    proxy = serve(rules)
    for host in ("127.0.0.1", "127.1", HERE, "127.0.0.2", socket.gethostname()):
        answer = connect(proxy, f"{host}:{proxy.address.port}")
        there = f"{host}:{proxy.address.port}"
        assert answer.startswith(
            f"HTTP/1.1 403 MetaHub: {there} is refused: it is the proxy itself".encode()
        )


def test_a_browser_of_the_operators_is_no_destination(
    place: Path, trust: Trust, odd: OddRegistry, trap: socket.socket
) -> None:
    """What mitmweb shows, and lets change, is not for clients."""
    web = free_port()
    options = {"web_host": LOOPBACK, "web_port": web, "web_open_browser": False}
    proxy = ProxyInThread(Path(tempfile.mkdtemp(dir=place)), trust.authority, options, Tool.WEB)
    proxy.rule(strict(odd, trap, "127.0.0.0/8:*"))
    try:
        proxy.start()
        answer = connect(proxy, f"{LOOPBACK}:{web}")
    finally:
        proxy.stop()
    assert f"{LOOPBACK}:{web} is refused: it is the proxy itself".encode() in answer


@pytest.mark.parametrize(
    ("address", "is_of_it"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("0.0.0.0", True),
        ("::", True),
        ("64:ff9b::7f00:1", True),
        (PUBLIC, False),
        ("2001:db8::1", False),
        ("255.255.255.255", False),
    ],
)
def test_which_addresses_are_of_this_machine(address: str, is_of_it: bool) -> None:
    """Where nobody else answers."""
    assert is_of_this_machine(ip_address(address)) is is_of_it


def test_the_address_in_a_network_is_of_this_machine_too() -> None:
    """The one that others reach it by, if it has one."""
    with socket.socket(type=socket.SOCK_DGRAM) as way:
        try:
            way.connect((PUBLIC, 1))
        except OSError:
            way.connect((LOOPBACK, 1))
        assert is_of_this_machine(ip_address(way.getsockname()[0]))


@pytest.mark.parametrize("strategy", ["lazy", "eager"])
def test_a_name_that_leads_elsewhere_in_the_end(
    strategy: str,
    serve: Serve,
    odd: OddRegistry,
    trap: socket.socket,
    resolve: Resolve,
    said: Said,
) -> None:
    """What counts are the addresses that are connected to, not those of a look before."""
    resolve([[PUBLIC], [LOOPBACK]])
    proxy = serve(strict(odd, trap), connection_strategy=strategy)
    there = f"{REBOUND}:{_port(trap)}"
    got = connect(proxy, there, b"EHLO\r\n")
    assert got.startswith(b"HTTP/1.1 200 " if strategy == "lazy" else b"HTTP/1.1 502 ")
    decision = said()[-1]
    assert (decision.outcome, decision.image) == (Outcome.NOT_A_WAY_IN, there)
    assert f"{there} is refused: 127.0.0.1 is a loopback address; " in decision.message


def test_a_plain_request_to_such_a_name(
    serve: Serve, odd: OddRegistry, trap: socket.socket, resolve: Resolve
) -> None:
    """It gets no answer, and is told why."""
    resolve([[PUBLIC], [PUBLIC, LOOPBACK]])
    proxy = serve(strict(odd, trap))
    answer = get(proxy, f"http://{REBOUND}:{_port(trap)}/")
    assert answer.startswith(b"HTTP/1.1 502 MetaHub: no answer from rebound.test: ")
    assert b"127.0.0.1 is a loopback address" in answer


def test_the_next_address_is_tried(
    serve: Serve, odd: OddRegistry, trap: socket.socket, resolve: Resolve
) -> None:
    """As ever: to look at addresses is not to choose one."""
    with OddRegistry(None, HERE) as other:
        other["/"] = Reply(b"other's own")
        resolve([["127.0.0.2", LOOPBACK]])
        port = other.address.port
        proxy = serve(strict(odd, trap, f"{REBOUND}:{port}"))
        assert get(proxy, f"http://{REBOUND}:{port}/").endswith(b"other's own")


@pytest.mark.parametrize("host", [HERE, "127.0.0.1", "169.254.169.254", "[::1]"])
def test_upstream_sends_nobody_there_either(
    host: str, serve: Serve, odd: OddRegistry, trap: socket.socket
) -> None:
    """A redirect of a manifest is the client's to follow then, who is refused."""
    location = f"https://{host}:{_port(trap)}/there"
    odd[PATH] = Reply(b"", {"Location": location}, 307)
    answer = ask_as(TYPE1, serve(strict(odd, trap)), odd).get(TAG)
    assert (answer.status, answer.headers["location"]) == (307, location)


def test_upstream_sends_nobody_to_a_name_that_leads_there_in_the_end(
    serve: Serve, odd: OddRegistry, trap: socket.socket, resolve: Resolve
) -> None:
    """What asks in a client's name resolves it by itself, and looks too."""
    resolve([[PUBLIC], [LOOPBACK]])
    odd[PATH] = Reply(b"", {"Location": f"https://{REBOUND}:{_port(trap)}/there"}, 307)
    answer = ask_as(TYPE1, serve(strict(odd, trap)), odd).get(TAG)
    assert answer.status == 502
    assert "127.0.0.1 is a loopback address" in answer.reason


def test_what_the_next_proxy_resolves_goes_by_its_name(
    serve: Serve, odd: OddRegistry, trap: socket.socket
) -> None:
    """The next proxy itself may be anywhere, and is where an operator says."""
    with OddRegistry(None, HERE) as next_proxy:
        far = f"http://far.test:{_port(trap)}/"
        next_proxy[far] = Reply(b"far's own")
        proxy = serve(strict(odd, trap), mode=[f"upstream:{next_proxy.address.url}"])
        for host in ("127.0.0.1", "127.1", HERE, "a.localhost", "[::ffff:127.0.0.1]"):
            assert connect(proxy, f"{host}:{_port(trap)}").startswith(b"HTTP/1.1 403 ")
            assert get(proxy, f"http://{host}:{_port(trap)}/").startswith(b"HTTP/1.1 403 ")
        assert connect(proxy, "far.test:25").startswith(b"HTTP/1.1 403 ")
        assert not next_proxy.asked
        assert get(proxy, far).endswith(b"far's own")


def test_a_mirror_may_be_of_anything(serve: Serve, odd: OddRegistry, trap: socket.socket) -> None:
    """An operator names it, not a client."""
    with OddRegistry(None, "127.0.0.1") as other:
        other["/v2/"] = Reply(b"{}")
        proxy = serve(strict(odd, trap), mode=[f"reverse:{other.address.url}"])
        assert Wire(proxy.address, proxy.authority).ask("GET", "/v2/").status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", HERE, "169.254.169.254"])
def test_a_way_without_words_leads_there_neither(
    host: str, serve: Serve, odd: OddRegistry, trap: socket.socket, said: Said
) -> None:
    """SOCKS: the connection ends, and it is told as one that was refused, not as a tunnel."""
    proxy = serve(strict(odd, trap), mode=["socks5"])
    port = _port(trap).to_bytes(2)
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as way:
        way.sendall(b"\x05\x01\x00")
        assert way.recv(2) == b"\x05\x00"
        way.sendall(b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port)
        assert way.recv(64)[:2] == b"\x05\x00"
        way.sendall(b"EHLO\r\n")
        assert way.recv(65536) == b""
    decision = said()[-1]
    assert (decision.outcome, decision.image) == (Outcome.NOT_A_WAY_IN, f"{host}:{_port(trap)}")


def test_a_bug_of_ours_connects_nobody(
    serve: Serve,
    odd: OddRegistry,
    trap: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A connection whose hook has failed would be opened, as mitmproxy has it."""
    proxy = serve(strict(odd, trap, "localhost:*"))
    monkeypatch.setattr("metahub.proxy.gate.spelt", None)
    got = connect(proxy, f"{HERE}:{_port(trap)}", b"EHLO\r\n")
    assert got == b"HTTP/1.1 200 Connection established\r\n\r\n"
    assert f"killed before connect: {UNSEEN}" in caplog.text
