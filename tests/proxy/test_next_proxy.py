"""Questions go by the next proxy where the client's own request would, and nowhere else."""

import base64
from collections.abc import Iterator

import pytest

from metahub.demo.address import LOOPBACK, Address, free_port
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.asking.wire import Answer, Wire
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE, Trust
from tests.proxy.running import ProxyInThread, Serve

UPSTREAM_AUTH = "metahub:pässword-of-the-next-proxy"
BASIC = f"Basic {base64.b64encode(UPSTREAM_AUTH.encode()).decode()}"
SECRETS = (BASIC.removeprefix("Basic "), UPSTREAM_AUTH.partition(":")[2])
PATH = f"/v2/{REPOSITORY}/manifests/{TAG}"

# Only the next proxy knows where this is.
FAR = Address("far.test", 5000, "http")


@pytest.fixture(params=["http", "https"])
def next_proxy(request: pytest.FixtureRequest, trust: Trust) -> Iterator[OddRegistry]:
    """What speaks as a proxy of plain HTTP does, with TLS on the way to it and without."""
    tls = trust.pair.server_context() if request.param == "https" else None
    with OddRegistry(tls, HERE) as running:
        yield running


@pytest.fixture
def plain() -> Iterator[OddRegistry]:
    """A registry without TLS, beside MetaHub."""
    with OddRegistry(None, HERE) as running:
        yield running


def offer_far(next_proxy: OddRegistry) -> None:
    """Have the next proxy answer for the registry that only it knows: it sees whole URLs."""
    index = qnib_bench().index
    stated = {"Content-Type": index.media_type, "Docker-Content-Digest": str(index.digest)}
    for reference in (TAG, index.digest):
        url = f"{FAR.url}/v2/{REPOSITORY}/manifests/{reference}"
        next_proxy[url] = Reply(index.content, stated)


def ask(proxy: ProxyInThread, registry: Address, mode: int = 0) -> Answer:
    """A GET of qnib/bench at the port of one of the modes."""
    port = proxy.greeting.doors[mode].port
    wire = Wire(registry, proxy.authority, Address(LOOPBACK, port, "http"), login_of(TYPE1))
    return Asker(wire, REPOSITORY).get(TAG)


def behind(next_proxy: Address) -> str:
    """The mode of mitmproxy."""
    return f"upstream:{next_proxy.url}"


def test_each_mode_has_its_own_way(
    serve: Serve, next_proxy: OddRegistry, plain: OddRegistry
) -> None:
    """Also of several modes at once; the login at the next proxy is shown to nobody else."""
    offer_far(next_proxy)
    plain.offer(REPOSITORY, TAG, qnib_bench().index)
    modes = [f"regular@{free_port()}", behind(next_proxy.address)]
    proxy = serve(table(plain.address, FAR), mode=modes, upstream_auth=UPSTREAM_AUTH)
    fitting = [str(image_of(TYPE1.gets).manifest.digest)]
    assert entries_of(ask(proxy, plain.address, 0)) == fitting
    assert entries_of(ask(proxy, FAR, 1)) == fitting
    assert logins_seen_by(plain) == {None}
    assert logins_seen_by(next_proxy) == {BASIC}
    assert {asked.path.startswith("http://") for asked in next_proxy.asked} == {True}


def test_a_next_proxy_that_wants_another_login(
    serve: Serve, next_proxy: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Its 407 is no word to the client, whose own login is right."""
    challenge = {"Proxy-Authenticate": "Basic realm=x"}
    next_proxy[FAR.url + PATH] = Reply(b"no", challenge, 407, "Proxy Authentication Required")
    modes = [behind(next_proxy.address)]
    answer = ask(serve(table(FAR), mode=modes, upstream_auth=UPSTREAM_AUTH), FAR)
    assert (answer.status, answer.reason) == (
        502,
        f"MetaHub: no answer from far.test: the next proxy, {next_proxy.address}, answers with 407",
    )
    assert "proxy-authenticate" not in answer.headers
    assert_no_secret(answer, caplog.text)


def test_a_next_proxy_that_opens_no_tunnel(
    serve: Serve, next_proxy: OddRegistry, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """502 with the proxy and its status; nothing of the login."""
    next_proxy["CONNECT", str(odd.address)] = Reply(status=403, reason="Forbidden")
    modes = [behind(next_proxy.address)]
    answer = ask(serve(table(odd.address), mode=modes, upstream_auth=UPSTREAM_AUTH), odd.address)
    assert (answer.status, answer.reason) == (
        502,
        "MetaHub: no answer from localhost: "
        f"the next proxy, {next_proxy.address}, answers with 403",
    )
    assert_no_secret(answer, caplog.text)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_next_proxy_that_is_not_there(
    scheme: str, serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """For a registry with TLS and for one without."""
    gone = Address(LOOPBACK, free_port(), scheme)
    proxy = serve(table(odd.address, FAR), mode=[behind(gone)], upstream_auth=UPSTREAM_AUTH)
    for registry in (odd.address, FAR):
        answer = ask(proxy, registry)
        sentence = f"no answer from {registry.host}: the next proxy, {gone}, cannot be reached"
        assert (answer.status, answer.reason) == (502, f"MetaHub: {sentence}")
        assert_no_secret(answer, caplog.text)


def test_a_redirect_is_followed_by_the_same_way(serve: Serve, next_proxy: OddRegistry) -> None:
    """To a host that only the next proxy knows."""
    offer_far(next_proxy)
    near = Address("near.test", 5000, "http")
    for reference in (TAG, qnib_bench().index.digest):
        path = f"/v2/{REPOSITORY}/manifests/{reference}"
        next_proxy[near.url + path] = Reply(b"", {"Location": FAR.url + path}, 307)
    answer = ask(serve(table(near), mode=[behind(next_proxy.address)]), near)
    assert entries_of(answer) == [str(image_of(TYPE1.gets).manifest.digest)]


def logins_seen_by(server: OddRegistry) -> set[str | None]:
    """What came to a server as a login at a proxy."""
    return {asked.headers.get("proxy-authorization") for asked in server.asked}


def assert_no_secret(answer: Answer, log: str) -> None:
    """Neither in what the client reads nor in what is logged."""
    said = f"{answer.reason} {answer.headers} {answer.body!r} {log}"
    assert not [secret for secret in SECRETS if secret in said]
