"""The proxy with a store in PostgreSQL: shared, stopped, silent, and well again."""

from collections.abc import Iterator

import pytest

from metahub.config import ConfigError
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from tests.e2e.asking.asker import Asker, message_of
from tests.e2e.machine.postgresql import IN_A_URL, PASSWORD, Cluster, cluster
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.rules import TYPE1, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.asking_pages import direct
from tests.proxy.running import ProxyInThread, Serve
from tests.proxy.test_manifests import ask_as

pytestmark = pytest.mark.e2e

FAILED = "the store failed: postgresql://127.0.0.1"


@pytest.fixture(scope="module")
def frail() -> Iterator[Cluster]:
    """A server that is stopped and held."""
    with cluster() as running:
        yield running


@pytest.fixture
def url(frail: Cluster) -> str:
    """Of nothing yet, and of a database that is given up after a second."""
    return f"{frail.nothing()}&connect_timeout=1"


@pytest.fixture
def proxy(serve: Serve, odd: OddRegistry, url: str) -> ProxyInThread:
    """A proxy with its store there, and an upstream with an index."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    return serve(table(odd.address), metahub_store=url)


@pytest.fixture
def asker(proxy: ProxyInThread, odd: OddRegistry) -> Asker:
    """A node of a machine type, which gets an index of ours."""
    return ask_as(TYPE1, proxy, odd)


def test_another_instance_knows_what_the_first_answered(
    asker: Asker, serve: Serve, odd: OddRegistry, url: str
) -> None:
    """A node may ask any of them for the digest that it has."""
    digest = asker.digest(TAG)
    other = ask_as(TYPE1, serve(table(odd.address), metahub_store=url), odd)
    answer = other.get(digest)
    assert (answer.status, answer.headers["docker-content-digest"]) == (200, digest)


def test_a_server_that_is_stopped_and_started(
    asker: Asker, proxy: ProxyInThread, frail: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is served that was not kept; nobody restarts the proxy, nor sees a password."""
    digest = asker.digest(TAG)
    frail.stop()
    try:
        known, refused = asker.get(TAG), asker.get(digest)
        ready = direct(proxy).ask("GET", "/readyz")
        not_kept = "Decisions are not kept: postgresql://127.0.0.1"
        assert eventually(lambda: not_kept in caplog.text, 5)
    finally:
        frail.start()
    assert (known.status, known.headers["docker-content-digest"]) == (200, digest)
    assert (refused.status, FAILED in message_of(refused)) == (403, True)
    assert ready.status == 503
    assert asker.get(digest).status == asker.get(TAG).status == 200
    for unwanted in (PASSWORD, IN_A_URL, "Traceback"):
        assert unwanted not in caplog.text + str(refused) + str(ready)


def test_a_server_that_says_nothing(
    asker: Asker, frail: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """A client waits for it as long as for any that is not there."""
    with frail.held():
        refused = asker.get(TAG)
    assert (refused.status, FAILED in message_of(refused)) == (403, True)
    assert eventually(lambda: asker.get(TAG).status == 200, 5)
    assert "Traceback" not in caplog.text


def test_no_tool_shows_the_password(proxy: ProxyInThread, asker: Asker, frail: Cluster) -> None:
    """Mitmweb has a page of all options, and the console one; other options are set as ever."""
    options = proxy.in_its_thread(lambda master: master.options.metahub_store)
    assert options == f"postgresql://127.0.0.1:{frail.port}/postgres"
    proxy.in_its_thread(lambda master: master.options.update(metahub_store=options))
    assert asker.get(TAG).status == 200


def test_the_policy_may_let_all_pass(
    serve: Serve, odd: OddRegistry, url: str, frail: Cluster
) -> None:
    """Then a node gets upstream's own index, which needs no store."""
    index = qnib_bench().index
    odd.offer(REPOSITORY, TAG, index)
    proxy = serve(table(odd.address), metahub_store=url, metahub_on_error="pass")
    frail.stop()
    try:
        answer = ask_as(TYPE1, proxy, odd).get(TAG)
    finally:
        frail.start()
    assert (answer.status, answer.body) == (200, index.content)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("postgresql://anna:secret@127.0.0.1:1/m", "cannot be used (connection failed: "),
        ("mysql://anna:secret@127.0.0.1/m", "expected a path, or postgresql://USER:PASSWORD@HOST"),
    ],
)
def test_a_database_that_cannot_be_used(
    text: str, why: str, serve: Serve, odd: OddRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Said at the start, without the password."""
    with pytest.raises(ConfigError) as caught:
        serve(table(odd.address), metahub_store=text)
    assert str(caught.value).startswith("The store cannot be used. ")
    assert why in str(caught.value)
    assert "secret" not in str(caught.value) + caplog.text
