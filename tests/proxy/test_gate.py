"""Who comes in, as whom, and which connections are opened."""

import base64
import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from metahub.demo.address import LOOPBACK, Login
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.tls import trusting
from metahub.proxy.gate import FAILED
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.asking.wire import NoTunnelError
from tests.e2e.proxies.rules import TYPE1, TYPE2, login_of, table, with_networks
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE, Trust
from tests.proxy.running import ProxyInThread, Serve
from tests.proxy.test_manifests import ask_as, publish

SECRET = "pässword-that-no-log-may-show"
PING = Reply(b"{}", {"Docker-Distribution-Api-Version": "registry/2.0"})


@pytest.fixture
def pinged(odd: OddRegistry) -> OddRegistry:
    """An upstream that answers a ping."""
    odd["/v2/"] = PING
    return odd


def turned_away(proxy: ProxyInThread, odd: OddRegistry, login: Login | None) -> NoTunnelError:
    """What a client is told that the proxy does not let through."""
    with pytest.raises(NoTunnelError) as caught:
        proxy.wire(odd.address, login).ask("GET", "/v2/")
    return caught.value


@pytest.mark.parametrize(
    "login", [Login(TYPE1.name, SECRET), Login("nobody", SECRET), Login("", "")]
)
def test_wrong_credentials_are_told_apart_from_nothing(
    login: Login, proxy: ProxyInThread, pinged: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """407 with a challenge; not even the reason says whether the user exists."""
    answer = turned_away(proxy, pinged, login).answer
    assert (answer.status, answer.reason) == (407, "MetaHub: wrong proxy user or password")
    assert answer.headers["proxy-authenticate"] == 'Basic realm="MetaHub", charset="UTF-8"'
    assert not pinged.asked
    assert SECRET not in caplog.text
    assert f"wrong user or password, as user {login.user!r}." in caplog.text


def test_wrong_credentials_count_though_strangers_may_pass(
    proxy: ProxyInThread, pinged: OddRegistry
) -> None:
    """A mistyped password must not turn into whatever build comes first."""
    assert turned_away(proxy, pinged, Login(TYPE1.name, "typo")).answer.status == 407
    assert proxy.wire(pinged.address).ask("GET", "/v2/").status == 200


def test_strangers_are_turned_away_where_the_rules_say_so(
    serve: Serve, pinged: OddRegistry
) -> None:
    """unknown_clients: deny."""
    proxy = serve(table(pinged.address) | {"unknown_clients": "deny"})
    answer = turned_away(proxy, pinged, None).answer
    assert answer.reason == ("MetaHub: this client is unknown; give the proxy a user and password")
    assert proxy.wire(pinged.address, login_of(TYPE1)).ask("GET", "/v2/").status == 200


def test_strangers_do_not_fill_the_log(
    serve: Serve, pinged: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Each request costs them nothing; the log says it once, and counts on."""
    proxy = serve(table(pinged.address) | {"unknown_clients": "deny"})
    for _ in range(20):
        assert turned_away(proxy, pinged, None).answer.status == 407
    assert caplog.text.count("the rules do not know this client") == 1


@pytest.mark.parametrize(
    ("source", "sees"),
    [("127.0.0.1", None), ("127.1.0.1", TYPE1), ("127.1.2.3", TYPE2), ("127.1.2.4", TYPE1)],
)
def test_an_address_is_of_the_narrowest_network(
    source: str, sees: object, serve: Serve, odd: OddRegistry
) -> None:
    """The longest prefix wins; an address of no network is a stranger."""
    networks = {"127.1.0.0/16": TYPE1, "127.1.2.3/32": TYPE2}
    proxy = serve(with_networks(table(odd.address), networks))
    images = qnib_bench()
    publish(odd, images)
    seen = entries_of(Asker(proxy.wire(odd.address, source=source), REPOSITORY).get(TAG))
    known = {TYPE1: 1, TYPE2: 2}
    expected = [images.images[known[sees]]] if sees in known else images.images
    assert seen == [str(image.manifest.digest) for image in expected]


def test_a_user_beats_a_network(serve: Serve, odd: OddRegistry) -> None:
    """Whoever logs in is taken for that, wherever it is."""
    proxy = serve(with_networks(table(odd.address), {"127.0.0.0/8": TYPE2}))
    images = qnib_bench()
    publish(odd, images)
    seen = entries_of(ask_as(TYPE1, proxy, odd).get(TAG))
    assert seen == [str(images.images[1].manifest.digest)]


@pytest.mark.parametrize(
    "header", ["Bearer x", "Basic", "Basic %%%", f"Basic {base64.b64encode(b'none').decode()}"]
)
def test_malformed_credentials(
    header: str, proxy: ProxyInThread, caplog: pytest.LogCaptureFixture
) -> None:
    """Are wrong ones, and the log says why without repeating them."""
    said = _raw(proxy, f"CONNECT reg.test:443 HTTP/1.1\r\nProxy-Authorization: {header}\r\n\r\n")
    assert said.startswith("HTTP/1.1 407 MetaHub: wrong proxy user or password\r\n")
    assert "is turned away: unreadable credentials: expected " in caplog.text


def test_a_host_that_is_no_registry_is_tunnelled_unread(
    serve: Serve, odd: OddRegistry, trust: Trust
) -> None:
    """The client sees the origin's own certificate: nobody has opened the connection."""
    with OddRegistry(trust.pair.server_context(), HERE) as other:
        other["/v2/"] = PING
        proxy = serve(table(odd.address))
        wire = proxy.wire(other.address, login_of(TYPE1))
        with pytest.raises(ssl.SSLCertVerificationError):
            wire.ask("GET", "/v2/")
        origin = type(wire)(other.address, trust.authority, proxy.address, login_of(TYPE1))
        assert origin.ask("GET", "/v2/").status == 200


def test_a_registry_over_plain_http(serve: Serve) -> None:
    """Credentials come with each request then, and go no further than the gate."""
    with OddRegistry(None, HERE) as plain:
        images = qnib_bench()
        publish(plain, images)
        plain["/v2/"] = PING
        proxy = serve(table(plain.address))
        asker = Asker(proxy.wire(plain.address, login_of(TYPE2)), REPOSITORY)
        assert entries_of(asker.get(TAG)) == [str(images.images[2].manifest.digest)]
        assert asker.wire.ask("GET", "/v2/").status == 200
        wrong = proxy.wire(plain.address, Login(TYPE2.name, "wrong"))
        assert wrong.ask("GET", "/v2/").status == 407
        assert all("proxy-authorization" not in asked.headers for asked in plain.asked)


def test_a_body_is_not_read_from_whoever_is_turned_away(serve: Serve) -> None:
    """Reading it would fill the memory before anybody has shown a password."""
    with OddRegistry(None, HERE) as plain:
        proxy = serve(table(plain.address) | {"unknown_clients": "deny"})
        sent = (
            f"PUT {plain.address.url}/v2/ HTTP/1.1\r\nHost: {plain.address}\r\n"
            "Content-Length: 1000000000\r\n\r\n"
        )
        assert _raw(proxy, sent) == ""
        assert not plain.asked


@pytest.mark.parametrize("size", [1, 100_000, 10_000_000])
def test_whoever_is_turned_away_within_a_body_is_cut_off(size: int, serve: Serve) -> None:
    """At once, however much of it is on its way: not when the client loses patience."""
    with OddRegistry(None, HERE) as plain:
        wire = serve(table(plain.address) | {"unknown_clients": "deny"}).wire(plain.address)
        begun = time.monotonic()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            wire.ask("PUT", "/v2/", body=bytes(size))
        assert time.monotonic() - begun < 5
        assert not plain.asked


def test_a_client_that_the_rules_forget_is_turned_away_in_its_tunnel(
    serve: Serve, pinged: OddRegistry
) -> None:
    """Inside TLS nobody expects a 407: it is a 403, as registries answer."""
    rules = table(pinged.address) | {"unknown_clients": "deny"}
    proxy = serve(rules)
    with _tunnel(proxy, pinged, login_of(TYPE1)) as tunnel:
        assert _ping(tunnel, pinged).startswith(b"HTTP/1.1 200 ")
        proxy.rule(rules | {"clients": rules["clients"][1:]})
        answer = _ping_until(b"HTTP/1.1 403 ", tunnel, pinged)
    assert answer.startswith(b"HTTP/1.1 403 MetaHub: this client is unknown")


@contextmanager
def _tunnel(proxy: ProxyInThread, odd: OddRegistry, login: Login) -> Iterator[ssl.SSLSocket]:
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as plain:
        connect = f"CONNECT {odd.address} HTTP/1.1\r\nProxy-Authorization: {login.header}\r\n\r\n"
        plain.sendall(connect.encode())
        assert plain.recv(65536).startswith(b"HTTP/1.1 200 ")
        with trusting(proxy.authority).wrap_socket(plain, server_hostname=HERE) as tunnel:
            yield tunnel


def _ping(tunnel: ssl.SSLSocket, odd: OddRegistry) -> bytes:
    tunnel.sendall(f"GET /v2/ HTTP/1.1\r\nHost: {odd.address}\r\n\r\n".encode())
    return tunnel.recv(65536)


def _ping_until(start: bytes, tunnel: ssl.SSLSocket, odd: OddRegistry) -> bytes:
    deadline = time.monotonic() + 5
    while not (answer := _ping(tunnel, odd)).startswith(start) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def _raw(proxy: ProxyInThread, sent: str) -> str:
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as plain:
        plain.sendall(sent.encode())
        plain.settimeout(10)
        return plain.recv(65536).decode()


def test_a_bug_of_ours_lets_nobody_in(
    serve: Serve,
    odd: OddRegistry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A request whose hook has failed goes on, as mitmproxy has it: the gate stays shut."""
    with OddRegistry(None, HERE) as plain:
        plain["/v2/"] = PING
        proxy = serve(table(odd.address, plain.address))
        monkeypatch.setattr("metahub.proxy.passwords._verify", None)
        said = turned_away(proxy, odd, login_of(TYPE1)).answer
        answer = proxy.wire(plain.address, login_of(TYPE1)).ask("GET", "/v2/")
        assert not plain.asked
    assert said.status == answer.status == 407
    assert said.reason == answer.reason == FAILED
    assert "TypeError" in caplog.text


def test_strangers_are_not_tunnelled_by_a_way_without_words(serve: Serve, odd: OddRegistry) -> None:
    """SOCKS asks for nothing: where strangers are denied, its connections lead nowhere."""
    with OddRegistry(None, HERE) as other:
        rules = table(odd.address)
        for policy, says in (("pass", b"HTTP/1.1 404"), ("deny", b"")):
            proxy = serve(rules | {"unknown_clients": policy}, mode=["socks5"])
            assert _over_socks(proxy, other)[:12] == says
            assert len(other.asked) == 1


def _over_socks(proxy: ProxyInThread, odd: OddRegistry) -> bytes:
    """The answer to a GET: https://www.rfc-editor.org/rfc/rfc1928"""
    host, port = odd.address.host.encode(), odd.address.port.to_bytes(2)
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as plain:
        plain.sendall(b"\x05\x01\x00")
        assert plain.recv(2) == b"\x05\x00"
        plain.sendall(b"\x05\x01\x00\x03" + bytes([len(host)]) + host + port)
        assert plain.recv(64)[:2] == b"\x05\x00"
        plain.sendall(f"GET / HTTP/1.1\r\nHost: {odd.address}\r\n\r\n".encode())
        return plain.recv(65536)


def test_a_bug_after_a_client_is_known_lets_nothing_through_either(
    serve: Serve, odd: OddRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry is looked up once who asks is known."""
    publish(odd, qnib_bench())
    proxy = serve(table(odd.address))
    monkeypatch.setattr("metahub.proxy.gate.Visit", None)
    answer = ask_as(TYPE1, proxy, odd).get(TAG)
    assert (answer.status, answer.reason) == (403, FAILED)
    assert not odd.asked
