"""The proxy's own pages over each way to it and under other rules, and what is in none of them."""

import http.client
import shutil
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from mitmproxy.io import FlowReader
from mitmproxy.test import taddons, tflow

from metahub.demo.address import LOOPBACK, Login
from metahub.demo.bench import REPOSITORY, TABLE, TAG, qnib_bench
from metahub.demo.tls import Authority, trusting
from metahub.node.authority import read_authority
from metahub.node.setup import RUNTIMES
from metahub.proxy.itself import HOST
from metahub.proxy.metrics import Metrics
from metahub.proxy.pages.page import Asked
from metahub.proxy.pages.probes import Readiness, trouble_with_authority
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.signing import Signing
from metahub.proxy.store_in_use import StoreInUse
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import Answer
from tests.e2e.proxies.rules import TYPE1, TYPE2, TYPE4, login_of, table, with_networks
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE
from tests.proxy.asking_pages import BROWSER, PATHS, WRONG, direct, said, through
from tests.proxy.running import ProxyInThread, Serve

NODE, STRANGER = "127.1.0.1", "127.2.0.1"
NETWORKS = {"127.1.0.0/16": TYPE1, "127.3.0.0/16": TYPE2}


def strict(odd: OddRegistry) -> dict[str, object]:
    """The rules of the table with two networks, which deny everybody else."""
    return with_networks(table(odd.address), NETWORKS) | {"unknown_clients": "deny"}


def test_strangers_who_are_denied_find_the_pages(
    serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """They need the CA and the scripts; through the proxy they get nothing."""
    proxy = serve(strict(odd))
    answer = direct(proxy, STRANGER).ask("GET", "/")
    assert b"Through the proxy it is answered with 407, until it gives a user" in answer.body
    assert direct(proxy, STRANGER).ask("GET", "/ca.crt").status == 200
    assert "is turned away" not in caplog.text
    for path in PATHS:
        assert through(proxy, source=STRANGER).ask("GET", path).status == 407
    assert through(proxy, source=NODE).ask("GET", "/").status == 200


def test_what_the_rules_say_is_no_html(serve: Serve, odd: OddRegistry) -> None:
    """An operator may write what a browser would take for a tag."""
    rules = with_networks(table(odd.address), NETWORKS)
    rules["machine_types"]["type1"]["description"] = "<script>alert('1')</script> & more"
    answer = direct(serve(rules), NODE).ask("GET", "/", BROWSER)
    assert b"&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; more" in answer.body
    assert answer.body.count(b"<script>") == 1


@pytest.fixture
def without_ca(serve: Serve, odd: OddRegistry, tmp_path: Path) -> ProxyInThread:
    """A proxy whose CA was taken away while it ran."""
    confdir = tmp_path / "certs"
    confdir.mkdir()
    template = serve(table(odd.address))
    for file in template.authority.parent.iterdir():
        shutil.copy(file, confdir)
    proxy = serve(table(odd.address), confdir=str(confdir))
    # until it runs, mitmproxy makes a CA where there is none
    assert direct(proxy).ask("GET", "/readyz").status == 200
    shutil.rmtree(confdir)
    return proxy


def test_a_ca_that_cannot_be_read_is_told_of(without_ca: ProxyInThread) -> None:
    """By each page that shows it; a proxy without it is alive, and not ready."""
    for path in ("/ca.crt", "/ca.der", "/setup/docker"):
        answer = direct(without_ca).ask("GET", path)
        assert answer.status == 503
        assert answer.body.startswith(b"The CA cannot be given: ")
    for headers in ({}, BROWSER):
        assert direct(without_ca).ask("GET", "/", headers).status == 200
    assert direct(without_ca).ask("GET", "/healthz").status == 200
    ready = direct(without_ca).ask("GET", "/readyz")
    assert (ready.status, ready.body[:4]) == (503, b"CA: ")


def test_a_ca_that_does_not_sign_is_told_of(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """What nodes would trust is another's, which the proxy does not take without its key."""
    proxy = serve(table(odd.address), confdir=str(tmp_path))
    assert direct(proxy).ask("GET", "/readyz").status == 200
    Authority.create("Another").write(tmp_path / "mitmproxy-ca-cert.pem")
    ready = direct(proxy).ask("GET", "/readyz")
    said = b"CA: Another, which nodes are given, does not sign; the log says why\n"
    assert (ready.status, ready.body) == (503, said)


async def test_a_proxy_that_has_not_begun_is_not_ready(tmp_path: Path) -> None:
    """Each thing that is missing has its line."""
    rules = RulesInForce(Metrics())
    with taddons.context() as context:
        context.options.confdir = str(tmp_path / "nowhere")
        page = await Readiness(rules, StoreInUse(), Signing(rules)).page(
            Asked("", "", "", None, tflow.tclient_conn(), None)
        )
    assert page.status == 503
    first, second, third = page.body.decode().splitlines()
    assert first == "rules: none are in force yet"
    assert second == "store: it is not opened"
    assert third.startswith("CA: ")


def test_a_ca_that_nobody_believes_is_told_of(place: Path) -> None:
    """Since or until when, and what to do."""
    authority, second = read_authority(place / "certs"), timedelta(seconds=1)
    begins, expires = authority.begins, authority.expires
    early = f"CA: it is valid from {begins:%Y-%m-%d} on: set the clock, or wait"
    late = f"CA: it expired on {expires:%Y-%m-%d}: make another, and have the nodes trust it"
    with taddons.context() as context:
        context.options.confdir = str(place / "certs")
        assert list(trouble_with_authority(begins - second)) == [early]
        assert list(trouble_with_authority(begins)) == []
        assert list(trouble_with_authority(expires - second)) == []
        assert list(trouble_with_authority(expires)) == [late]


def tunnelled(proxy: ProxyInThread, request: str, login: Login | None = None) -> str:
    """What is said in a tunnel to the proxy itself, as for `curl -p`."""
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as way:
        shown = f"Proxy-Authorization: {login.header}\r\n" if login else ""
        way.sendall(f"CONNECT {HOST}:80 HTTP/1.1\r\n{shown}\r\n".encode())
        assert way.recv(4096).startswith(b"HTTP/1.1 200 Connection established\r\n")
        way.sendall(request.encode())
        response = http.client.HTTPResponse(way)
        response.begin()
        return response.read().decode()


@pytest.mark.parametrize("strategy", ["lazy", "eager"])
def test_a_tunnel_to_it_leads_nowhere_else(
    strategy: str, serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """The name has no address, and nobody asks for one."""
    proxy = serve(strict(odd), connection_strategy=strategy)
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    assert "Client        user qnib-type1\n" in tunnelled(proxy, request, login_of(TYPE1))
    assert through(proxy, login_of(TYPE1)).ask("GET", "/healthz").status == 200
    assert direct(proxy).ask("GET", "/healthz").status == 200
    assert "server connect" not in caplog.text


def test_a_denied_client_opens_no_tunnel_to_it(serve: Serve, odd: OddRegistry) -> None:
    """It is a host like others there."""
    request = f"CONNECT {HOST}:80 HTTP/1.1\r\n\r\n"
    assert said(serve(strict(odd)), request).startswith("407 ")


@pytest.mark.parametrize("http2", [False, True])
def test_over_tls_with_the_proxy(http2: bool, serve: Serve, odd: OddRegistry) -> None:
    """The way of an `https://` proxy, and of a browser that is told https."""
    proxy = serve(table(odd.address), http2=http2)
    tls = trusting(proxy.authority)
    host = f"{HERE}:{proxy.address.port}"
    answer = said(proxy, f"GET /setup/docker HTTP/1.1\r\nHost: {host}\r\n\r\n", tls)
    assert f"PROXY=http://{host}\n" in answer
    answer = said(proxy, f"GET http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n", tls)
    assert "You ask through MetaHub" in answer


def test_before_another_proxy(serve: Serve, odd: OddRegistry) -> None:
    """It is asked for nothing."""
    with OddRegistry(None, HERE) as next_proxy:
        proxy = serve(table(odd.address), mode=[f"upstream:{next_proxy.address.url}"])
        request = f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        assert direct(proxy).ask("GET", "/healthz").body == b"ok\n"
        assert through(proxy).ask("GET", "/healthz").body == b"ok\n"
        assert tunnelled(proxy, request) == "ok\n"
        assert direct(proxy).ask("GET", "/v2/").status == 404
        assert not next_proxy.asked


def test_a_mirror_has_no_pages(serve: Serve, odd: OddRegistry) -> None:
    """What is asked of it is for the registry, whatever it is called."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    odd["/"] = odd["/healthz"] = Reply(b"the registry's own")
    proxy = serve(table(odd.address), mode=[f"reverse:{odd.address.url}"])
    for path in ("/", "/healthz"):
        for host in ({}, {"Host": HOST}):
            assert direct(proxy).ask("GET", path, host).body == b"the registry's own"
    assert Asker(direct(proxy), REPOSITORY).get(TAG).body == qnib_bench().index.content


def over_socks(proxy: ProxyInThread, sent: bytes) -> bytes:
    """What comes back for bytes that are sent to the proxy itself over SOCKS."""
    with socket.create_connection((LOOPBACK, proxy.address.port), 10) as way:
        way.sendall(b"\x05\x01\x00")
        assert way.recv(2) == b"\x05\x00"
        way.sendall(b"\x05\x01\x00\x03" + bytes([len(HOST)]) + HOST.encode() + b"\x00\x50")
        assert way.recv(64)[:2] == b"\x05\x00"
        way.sendall(sent)
        return b"".join(iter(lambda: way.recv(65536), b""))


def test_over_socks(serve: Serve, odd: OddRegistry) -> None:
    """A way to pages, but none that a script could tell nodes of; and it leads nowhere else."""
    proxy = serve(table(odd.address), mode=["socks5"])
    ask = "GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".format
    assert b"You ask through MetaHub" in over_socks(proxy, ask("/").encode())
    assert b"sudo sh" not in over_socks(proxy, ask("/").encode())
    answer = over_socks(proxy, ask("/setup/docker").encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert answer.endswith(b"have them trust the CA, at /ca.crt.\n")
    assert b"set HTTPS_PROXY to it and pull" in over_socks(proxy, ask("/v2/").encode())
    assert over_socks(proxy, b"\x00\x01 no HTTP") == b""


def every_page(proxy: ProxyInThread) -> Iterator[Answer]:
    """All pages, as every kind of client sees them; a guesser sees one, for guessing is slow."""
    yield direct(proxy, NODE).ask("GET", "/", {"Authorization": WRONG.header})
    yield through(proxy, WRONG, NODE).ask("GET", "/", BROWSER)
    logins = [None, *map(login_of, TABLE)]
    for path in [*PATHS, *(f"/setup/{runtime}" for runtime in RUNTIMES), "/nothing", "/v2/"]:
        for login in logins:
            for accept in ({}, BROWSER):
                shown = {"Authorization": login.header} if login else {}
                yield direct(proxy, NODE).ask("GET", path, shown | accept)
                yield through(proxy, login, NODE).ask("GET", path, accept)


def test_no_page_holds_what_is_not_for_everybody(serve: Serve, odd: OddRegistry) -> None:
    """No hash, no password, no key, and nothing of the rules of another client."""
    secret = "password-of-one-client"
    networks = {"127.1.0.0/16": TYPE1, "127.3.0.0/16": TYPE2, "127.1.0.0/24": TYPE4}
    rules = with_networks(table(odd.address), networks)
    proxy = serve(rules)
    private = (proxy.authority.parent / "mitmproxy-ca.pem").read_text()
    key = private.partition("-----BEGIN CERTIFICATE-----")[0].splitlines()[1:-1]
    hashes = [client["password_hash"] for client in rules["clients"] if "user" in client]
    never = [*key, *hashes, secret, "PRIVATE KEY", "127.3.0.0", "127.1.0.0/16", WRONG.password]
    never += [login_of(user).header.removeprefix("Basic ") for user in TABLE]
    count = 0
    for answer in every_page(proxy):
        count += 1
        text = answer.body.decode(errors="replace") + str(answer.lines)
        assert [word for word in never if word in text] == []
        users = {user.name for user in TABLE if user.name in text}
        assert len(users) <= 1
    assert count == 2 + 5 * 4 * (len(PATHS) + len(RUNTIMES) + 2)


def test_a_flow_file_holds_no_credentials(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """Nor does what mitmproxy's tools show of a page."""
    file = tmp_path / "flows"
    proxy = serve(table(odd.address), save_stream_file=str(file))
    for login in (login_of(TYPE1), WRONG):
        for path in ("/", "/healthz", "/v2/"):
            direct(proxy).ask("GET", path, {"Authorization": login.header})
    through(proxy, login_of(TYPE1)).ask("GET", "/", {"Authorization": WRONG.header})
    proxy.stop()
    content = file.read_bytes()
    with file.open("rb") as stream:
        assert len(list(FlowReader(stream).stream())) == 7
    for login in (login_of(TYPE1), WRONG):
        assert login.header.removeprefix("Basic ").encode() not in content
