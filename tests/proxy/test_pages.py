"""The proxy's own pages: who reads what, and in which form."""

import http.client
import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from metahub.demo.address import LOOPBACK, Address, Login
from metahub.node.authority import read_authority
from metahub.node.setup import RUNTIMES
from metahub.proxy.itself import HOST
from metahub.store import StoreError
from tests.e2e.asking.wire import NoTunnelError
from tests.e2e.proxies.rules import TYPE1, TYPE2, TYPE4, login_of, table, with_networks
from tests.e2e.upstreams.trust import HERE, Trust
from tests.proxy.asking_pages import BROWSER, PATHS, WRONG, direct, said, through
from tests.proxy.running import ProxyInThread

NODE, STRANGER = "127.1.0.1", "127.2.0.1"
NETWORKS = {"127.1.0.0/16": TYPE1, "127.3.0.0/16": TYPE2}


@pytest.fixture(scope="module")
def known(place: Path, trust: Trust) -> Iterator[ProxyInThread]:
    """A proxy that knows users and networks, and lets strangers pass."""
    proxy = ProxyInThread(Path(tempfile.mkdtemp(dir=place)), trust.authority)
    proxy.rule(with_networks(table(Address("reg.test", 5000)), NETWORKS))
    proxy.start()
    yield proxy
    proxy.stop()


# Who sees what


@pytest.mark.parametrize(
    ("source", "login", "sees"),
    [
        (STRANGER, None, "Client        127.2.0.1\n"),
        (STRANGER, None, "No network of the rules has this address, and no user was given."),
        (STRANGER, None, "Machine type  none\n"),
        (STRANGER, None, "What it pulls passes unmodified: it sees every build of an image, "),
        (NODE, None, "The narrowest network of the rules that has this address is 127.1.0.0/16."),
        (NODE, None, "Machine type  type1: Broadwell\n  Features      cpu:broadwell\n"),
        (STRANGER, login_of(TYPE4), "It gave the password of this user, from 127.2.0.1."),
        (NODE, login_of(TYPE4), "Client        user qnib-type4\n"),
        (NODE, login_of(TYPE4), "  Features      cpu:broadwell, nvcap:5.2\n"),
        (NODE, login_of(TYPE4), "Of each image it sees the builds that fit this machine type, "),
    ],
)
def test_a_client_reads_who_it_is_and_why(
    source: str, login: Login | None, sees: str, known: ProxyInThread
) -> None:
    """The same directly, with the credentials of `curl -u`, and through the proxy."""
    authorization = {"Authorization": login.header} if login else {}
    for answer in (
        direct(known, source).ask("GET", "/", authorization),
        through(known, login, source).ask("GET", "/"),
    ):
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert sees in answer.body.decode()


def test_a_client_reads_by_which_way_it_came(known: ProxyInThread) -> None:
    """That is what a person wants to know whose node pulls what it should not."""
    assert b"You ask the proxy directly, at its own port" in direct(known).ask("GET", "/").body
    assert b"You ask through MetaHub" in through(known).ask("GET", "/").body


@pytest.mark.parametrize("host", [LOOPBACK, HERE])
def test_its_own_address_may_be_asked_for_through_it(host: str, known: ProxyInThread) -> None:
    """Where HTTP_PROXY is set, curl does; the client is not the proxy itself then."""
    wire = known.wire(Address(host, known.address.port, "http"), login_of(TYPE1), NODE)
    answer = wire.ask("GET", "/").body
    assert b"You ask through MetaHub" in answer
    assert b"Client        user qnib-type1\n" in answer


def test_wrong_credentials_are_told_where_they_can_be(
    known: ProxyInThread, caplog: pytest.LogCaptureFixture
) -> None:
    """Directly 401, with which a browser asks again; through the proxy 407, as for every host."""
    answer = direct(known).ask("GET", "/", {"Authorization": WRONG.header})
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="MetaHub", charset="UTF-8"'
    assert b"MetaHub: wrong proxy user or password.\n" in answer.body
    assert b"Through the proxy that is answered with 407" in answer.body
    assert through(known, WRONG).ask("GET", "/").status == 407
    assert WRONG.password not in caplog.text


def test_a_browser_is_asked_who_it_is(known: ProxyInThread) -> None:
    """At a path of its own, for the page itself asks nobody."""
    assert direct(known).ask("GET", "/login").status == 401
    for answer in (
        direct(known).ask("GET", "/login", {"Authorization": login_of(TYPE2).header}),
        through(known, login_of(TYPE2)).ask("GET", "/login"),
    ):
        assert (answer.status, b"user qnib-type2" in answer.body) == (200, True)


@pytest.mark.parametrize(
    ("source", "login", "expected"),
    [
        (STRANGER, None, {"client": STRANGER, "user": None, "address": STRANGER,
            "machine_type": None, "features": [],
            "why": "No network of the rules has this address, and no user was given."}),
        (NODE, login_of(TYPE4), {"client": f"qnib-type4 at {NODE}", "user": "qnib-type4",
            "address": NODE, "machine_type": "type4", "features": ["cpu:broadwell", "nvcap:5.2"],
            "why": f"It gave the password of this user, from {NODE}."}),
        (NODE, None, {"client": NODE, "user": None, "address": NODE, "machine_type": "type1",
            "features": ["cpu:broadwell"],
            "why": "The narrowest network of the rules that has this address is 127.1.0.0/16."}),
    ],
)  # fmt: skip
def test_a_program_reads_who_it_is(
    source: str, login: Login | None, expected: dict[str, object], known: ProxyInThread
) -> None:
    """In JSON, with the registries in the order of the rules; directly and through the proxy."""
    authorization = {"Authorization": login.header} if login else {}
    for answer in (
        direct(known, source).ask("GET", "/whoami", authorization),
        through(known, login, source).ask("GET", "/whoami"),
    ):
        assert answer.headers["content-type"] == "application/json"
        assert json.loads(answer.body) == {**expected, "registries": ["reg.test:5000"]}


def test_a_program_with_wrong_credentials(known: ProxyInThread) -> None:
    """Directly 401, and the JSON says why; through the proxy 407, as for every host."""
    answer = direct(known).ask("GET", "/whoami", {"Authorization": WRONG.header})
    assert (answer.status, answer.headers["www-authenticate"][:5]) == (401, "Basic")
    told = json.loads(answer.body)
    assert (told["machine_type"], told["user"]) == (None, None)
    assert told["why"] == "MetaHub: wrong proxy user or password."
    assert through(known, WRONG).ask("GET", "/whoami").status == 407


def test_a_page_says_who_answers_and_when(known: ProxyInThread) -> None:
    """A node knows MetaHub by it, and a clock that is wrong."""
    headers = direct(known).ask("GET", "/healthz").headers
    assert headers["server"].startswith("MetaHub/")
    assert headers["date"].endswith(" GMT")


# What a page is


# Of metrics there are others at each moment.
@pytest.mark.parametrize("path", [path for path in PATHS if path != "/metrics"])
def test_a_head_says_what_a_get_would(path: str, known: ProxyInThread) -> None:
    """Of the same length, without the body."""
    for wire in (direct(known), through(known)):
        got, head = wire.ask("GET", path), wire.ask("HEAD", path)
        assert (head.status, head.body) == (got.status, b"")
        assert head.headers["content-length"] == str(len(got.body))
        assert head.headers["content-type"] == got.headers["content-type"]
        assert got.headers["cache-control"] == "no-store"
        assert got.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", PATHS)
def test_pages_are_only_read(method: str, path: str, known: ProxyInThread) -> None:
    """405, and what is allowed."""
    for body in (None, b"x" * 1000):
        answer = direct(known).ask(method, path, body=body)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("headers", [{"Content-Length": "100000000"}, {"Transfer-Encoding": "c"}])
def test_a_body_without_an_end_is_not_waited_for(
    headers: dict[str, str], known: ProxyInThread
) -> None:
    """It would be kept in memory first."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    sent = f"POST / HTTP/1.1\r\nHost: a:1\r\n{lines}\r\n".replace(": c\r", ": chunked\r")
    with pytest.raises(http.client.RemoteDisconnected):
        said(known, sent)


@pytest.mark.parametrize(
    "path", ["/nothing", "/setup", "/healthz/", "/ca.crt/x", "//", "/%2e%2e/a"]
)
def test_other_paths_lead_nowhere(path: str, known: ProxyInThread) -> None:
    """404 in words, and nothing is asked of anybody."""
    for wire in (direct(known), through(known)):
        answer = wire.ask("GET", path)
        assert (answer.status, answer.body) == (404, f"There is no page {path}. See /\n".encode())


def test_a_browser_gets_html_that_needs_nobody_else(known: ProxyInThread) -> None:
    """It may run and show nothing but what is in the page."""
    answer = direct(known, NODE).ask("GET", "/", BROWSER)
    text = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "<dd><strong>type1</strong> · Broadwell</dd>" in text
    assert "src=" not in text.replace("img-src", "")
    assert f"curl -fsS http://{known.address}/setup/docker | sudo sh</code>" in text


@pytest.mark.parametrize("path", ["/v2/", "/v2", "/v2/qnib/bench/manifests/latest"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_client_that_takes_it_for_a_registry_is_told(
    method: str, path: str, known: ProxyInThread
) -> None:
    """In a registry's words: it was given the proxy as a mirror, say."""
    answer = direct(known).ask(method, path)
    sentence = (
        f"MetaHub: this is a proxy and no registry: set HTTPS_PROXY=http://{known.address} and"
        " pull by the image's own name"
    )
    assert (answer.status, answer.reason) == (404, sentence)
    if method != "HEAD":
        assert json.loads(answer.body)["errors"] == [{"code": "NAME_UNKNOWN", "message": sentence}]


def test_a_client_without_a_host_is_told_too(known: ProxyInThread) -> None:
    """By what it can do, for nobody knows how it calls the proxy."""
    answer = said(known, "GET /v2/ HTTP/1.0\r\n\r\n")
    assert answer.startswith("404 MetaHub: this is a proxy and no registry: set HTTPS_PROXY to it ")


# The CA


def test_the_ca_is_what_registries_are_signed_by(known: ProxyInThread) -> None:
    """In both forms, under names that a browser saves."""
    pem, der = (direct(known).ask("GET", path) for path in ("/ca.crt", "/ca.der"))
    (trusted,) = x509.load_pem_x509_certificates(known.authority.read_bytes())
    assert x509.load_pem_x509_certificates(pem.body) == [trusted]
    assert x509.load_der_x509_certificate(der.body) == trusted
    assert pem.headers["content-type"] == "application/pem-certificate-chain"
    assert der.headers["content-type"] == "application/pkix-cert"
    assert pem.headers["content-disposition"] == 'attachment; filename="metahub-ca.crt"'
    assert der.headers["content-disposition"] == 'attachment; filename="metahub-ca.der"'


# The set-up


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_script_names_the_proxy_as_its_reader_does(runtime: str, known: ProxyInThread) -> None:
    """Directly by the Host header, through the proxy by the address that was connected to."""
    port = known.address.port
    for wire, host in (
        (direct(known), {"Host": "proxy.example.com:3128"}),
        (through(known, login_of(TYPE1)), {}),
    ):
        answer = wire.ask("GET", f"/setup/{runtime}", host)
        there = "proxy.example.com:3128" if host else f"{LOOPBACK}:{port}"
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/x-shellscript; charset=utf-8"
        assert f"PROXY=http://{there}\n" in answer.body.decode()


def test_a_runtime_that_there_is_not(known: ProxyInThread) -> None:
    """Those that there are, and the one that was meant."""
    answer = direct(known).ask("GET", "/setup/dokcer")
    lines = answer.body.decode().splitlines()
    assert answer.status == 404
    assert lines[0] == "There is no set-up for 'dokcer'. Did you mean docker? There are:"
    assert lines[1:] == [f"  /setup/{runtime}" for runtime in RUNTIMES]
    assert direct(known).ask("GET", "/setup/").body.startswith(b"Set up which runtime? There are:")
    assert b"Did you mean" not in direct(known).ask("GET", "/setup/$(reboot)").body


@pytest.mark.parametrize(
    "host",
    [
        "a;reboot",
        "$(reboot):8080",
        "`reboot`",
        "a'b",
        'a"b',
        "a b",
        "a|b:1",
        "a/b",
        "user@a:1",
        "a:1:2",
        "a:0",
        "a:65536",
        "a:-1",
        "a:80x",
        "[::1",
        "[a]:1",
        "[1:2]:1",
        "::1",
        "-a",
        "ä.test",
        "x" * 300,
        "a\\nb",
        "",
    ],
)
def test_a_host_header_that_is_none_is_in_no_script(host: str, known: ProxyInThread) -> None:
    """A script is run by root."""
    request = f"GET /setup/docker HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    for answer in (said(known, request), said(known, request.replace("/setup/docker", "/"))):
        status, body = answer.split("\n", 1)
        assert status == "400 Bad Request"
        assert body.startswith(
            "This page names the proxy as it was asked:"
            " expected a Host header such as proxy.test:8080, found "
        )


# Whether it works


def test_a_proxy_that_works_says_so(known: ProxyInThread) -> None:
    """To those who watch over it, and to a check of HTTP/1.0, which names no host."""
    assert direct(known).ask("GET", "/healthz").body == b"ok\n"
    assert direct(known).ask("GET", "/readyz").body == b"ready\n"
    assert said(known, "GET /healthz HTTP/1.0\r\n\r\n") == "200 OK\nok\n"


def test_a_store_that_does_not_answer_is_told_of(
    known: ProxyInThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy is alive, and not ready."""

    def locked(*_: object) -> None:
        raise StoreError("store.sqlite is locked: find out by whom")

    monkeypatch.setattr("metahub.store.SqlStore.index", locked)
    answer = direct(known).ask("GET", "/readyz")
    assert (answer.status, answer.body) == (
        503,
        b"store: store.sqlite is locked: find out by whom\n",
    )
    assert direct(known).ask("GET", "/healthz").status == 200


def test_a_bug_of_ours_is_told_and_asks_nobody(
    known: ProxyInThread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Mitmproxy would look for the host of a request whose hook has failed."""
    monkeypatch.setattr("metahub.proxy.pages.looks.text", None)
    for wire in (direct(known), through(known)):
        answer = wire.ask("GET", "/")
        assert (answer.status, answer.body) == (500, b"MetaHub failed, and its log says how.\n")
    assert "TypeError" in caplog.text


# The ways to it


def test_who_wants_tls_with_it_is_told_how_to_ask(known: ProxyInThread) -> None:
    """In the reason, which curl shows with -v, and Go's clients always."""
    with pytest.raises(NoTunnelError) as caught:
        known.wire(Address(HOST, 443)).ask("GET", "/")
    assert str(caught.value) == f"403 MetaHub: ask for http://{HOST}/, without TLS"


def test_on_one_connection_both_forms_of_a_request(known: ProxyInThread) -> None:
    """Each request is taken as it is written, however it comes in pieces."""
    ways = {"/": "directly", f"http://{HOST}/": "through", f"http://{HOST.upper()}./": "through"}
    with socket.create_connection((LOOPBACK, known.address.port), 10) as way:
        for target in ("/", f"http://{HOST}/", "/", f"http://{HOST.upper()}./", "/"):
            request = f"GET {target} HTTP/1.1\r\nHost: {known.address}\r\n\r\n".encode()
            way.sendall(request[:1])
            way.sendall(request[1:])
            response = http.client.HTTPResponse(way)
            response.begin()
            assert f"You ask {'the proxy ' * (target == '/')}{ways[target]}" in (
                response.read().decode()
            )


def test_a_page_view_is_no_line_in_the_log(
    known: ProxyInThread, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody looks every second whether the proxy is alive."""
    caplog.clear()
    for path in PATHS:
        direct(known).ask("GET", path)
        through(known).ask("GET", path)
    logged = [r for r in caplog.records if r.levelname in {"ALERT", "WARNING", "ERROR"}]
    assert logged == []


def test_prometheus_reads_what_was_counted(known: ProxyInThread) -> None:
    """Wrong passwords, and when the CA ends, in seconds since the epoch."""
    direct(known).ask("GET", "/", {"Authorization": WRONG.header})
    answer = direct(known).ask("GET", "/metrics")
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    values = dict(line.rsplit(" ", 1) for line in answer.body.decode().splitlines())
    assert float(values['metahub_authentication_failures_total{reason="wrong"}']) >= 1
    expires = read_authority(known.authority.parent).expires
    assert float(values["metahub_ca_expiry_timestamp_seconds"]) == expires.timestamp()
