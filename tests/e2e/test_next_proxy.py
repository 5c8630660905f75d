"""MetaHub's own way out is a proxy: everything goes by it, our questions too, or by none."""

import json
from collections.abc import Iterator

import pytest

from metahub.demo.address import LOOPBACK, Address, Login, free_port
from metahub.demo.bench import REPOSITORY, TAG
from metahub.demo.images import image_of
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.asking.wire import Wire
from tests.e2e.machine.parts import require
from tests.e2e.machine.running import eventually
from tests.e2e.proxies import squid as next_proxy
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.proxies.squid import Squid
from tests.e2e.upstreams.registry import LOGIN, Registry
from tests.e2e.upstreams.token_service import PATH, TokenService
from tests.e2e.upstreams.trust import HOST, Trust

FITTING = [str(image_of(TYPE1.gets).manifest.digest)]
LAYER = image_of(TYPE1.gets).layers[0]
# As in the config.yaml that people get: no connection that nobody uses.
WRONG = Login(next_proxy.LOGIN.user, "wrong-at-the-next-proxy")


@pytest.fixture(params=["http", "https"])
def squid(request: pytest.FixtureRequest, trust: Trust) -> Iterator[Squid]:
    """A squid that wants a login, with TLS on the way to it and without."""
    require("squid")
    with next_proxy.passing(trust, login=next_proxy.LOGIN, scheme=request.param) as running:
        yield running


def asking(proxy: Proxy, registry: Registry, port: int | None = None) -> Asker:
    """For qnib/bench, at the proxy's own port or at another one."""
    at = Address(LOOPBACK, port or proxy.address.port, "http")
    wire = Wire(registry.address, proxy.authority, at, login_of(TYPE1))
    return Asker(wire, REPOSITORY, LOGIN)


def test_everything_goes_by_the_next_proxy(
    serve: Serve, squid: Squid, registry: Registry, tokens: TokenService, trust: Trust
) -> None:
    """What MetaHub asks, what it opens and what it tunnels; each with the login."""
    proxy = serve(table(registry.address), mode=[squid.mode], upstream_auth=squid.auth)
    asker = asking(proxy, registry)
    assert entries_of(asker.get(TAG)) == FITTING
    assert asker.blob(LAYER.digest).body == LAYER.content
    tunnelled = Wire(tokens.address, trust.authority, proxy.address, login_of(TYPE1))
    assert tunnelled.ask("GET", PATH).status == 200
    proxy.stop()
    expected = {str(registry.address): 2, str(tokens.address): 1}
    assert eventually(lambda: squid.tunnels() == expected, 5)
    assert {passed.user for passed in squid.passed()} == {next_proxy.LOGIN.user}


def test_each_mode_has_its_own_way(serve: Serve, squid: Squid, registry: Registry) -> None:
    """Of two at once, one goes by the next proxy and one does not."""
    port = free_port()
    modes = [squid.mode, f"regular@{port}"]
    proxy = serve(table(registry.address), mode=modes, upstream_auth=squid.auth)
    assert entries_of(asking(proxy, registry, port).get(TAG)) == FITTING
    assert squid.passed() == ()
    assert entries_of(asking(proxy, registry).get(TAG)) == FITTING
    proxy.stop()
    assert eventually(lambda: squid.tunnels() == {str(registry.address): 1}, 5)


def test_a_next_proxy_that_lets_nobody_out(serve: Serve, squid: Squid, registry: Registry) -> None:
    """502 for a manifest and a blob; the login that is wrong there is shown to nobody."""
    login = f"{WRONG.user}:{WRONG.password}"
    proxy = serve(table(registry.address), mode=[squid.mode], upstream_auth=login)
    asker = asking(proxy, registry)
    answers = asker.get(TAG), asker.head(TAG), asker.blob(LAYER.digest)
    sentence = f"MetaHub: no answer from {HOST}: the next proxy, {squid.address}, answers with 407"
    assert [answer.status for answer in answers] == [502, 502, 502]
    assert [answer.reason for answer in answers[:2]] == [sentence, sentence]
    assert json.loads(answers[0].body)["errors"][0]["message"] == sentence
    said = proxy.said() + "".join(f"{a.reason} {a.headers} {a.body!r}" for a in answers)
    assert WRONG.password not in said
    assert WRONG.header.removeprefix("Basic ") not in said


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_next_proxy_that_is_not_there(scheme: str, serve: Serve, registry: Registry) -> None:
    """502 for a manifest and a blob."""
    gone = Address(LOOPBACK, free_port(), scheme)
    mode = f"upstream:{gone.url}"
    asker = asking(serve(table(registry.address), mode=[mode]), registry)
    answers = asker.get(TAG), asker.head(TAG), asker.blob(LAYER.digest)
    assert [answer.status for answer in answers] == [502, 502, 502]
    sentence = f"MetaHub: no answer from {HOST}: the next proxy, {gone}, cannot be reached"
    assert [answer.reason for answer in answers[:2]] == [sentence, sentence]
