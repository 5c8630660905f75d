"""Each client alone: it pulls through an intercepting proxy, and in no other way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.address import Login
from metahub.demo.bench import GENERIC, qnib_bench
from tests.e2e.clients.kinds import CLIENTS, COPIERS, RUNTIMES
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client, Runtime, Spoken
from tests.e2e.proxies.proxy import Proxy, mitmdump_in
from tests.e2e.upstreams.registry import FORMATS, Registry
from tests.e2e.upstreams.trust import Trust

USER = Login("somebody", "of the proxy")


@pytest.fixture(scope="module")
def mitmdump(place: Path, trust: Trust) -> Iterator[Proxy]:
    """A proxy without MetaHub, which asks for a login."""
    directory = place / "mitmdump"
    directory.mkdir()
    proxy = mitmdump_in(directory, trust, USER)
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("repository", FORMATS)
@pytest.mark.parametrize("kind", RUNTIMES)
def test_without_metahub_a_runtime_runs_the_first_build(
    kind: type[Runtime], repository: str, nodes: Nodes, mitmdump: Proxy, registry: Registry
) -> None:
    """It records the digest of the index as it was pushed."""
    client = nodes.start(kind, mitmdump, registry, USER)
    image = f"{registry.address}/{repository}"
    pull = client.pull(image)
    assert pull.worked, pull.seen
    assert str(qnib_bench(FORMATS[repository]).index.digest) in pull.digests
    assert client.run(image) == Spoken(0, GENERIC.line + "\n", "")


@pytest.mark.parametrize("repository", FORMATS)
@pytest.mark.parametrize("kind", COPIERS)
def test_without_metahub_a_copier_takes_the_first_build(
    kind: type[Client], repository: str, nodes: Nodes, mitmdump: Proxy, registry: Registry
) -> None:
    """It is known by its manifest, or by its config where the client keeps only that."""
    first = qnib_bench(FORMATS[repository]).images[0]
    pull = nodes.start(kind, mitmdump, registry, USER).pull(f"{registry.address}/{repository}")
    assert pull.worked, pull.seen
    assert pull.digests & {str(first.manifest.digest), str(first.config.digest)}


@pytest.mark.parametrize("kind", CLIENTS)
def test_no_client_gets_past_the_proxy(
    kind: type[Client], nodes: Nodes, mitmdump: Proxy, registry: Registry
) -> None:
    """A proxy that does not let it in ends the pull: there is no other way to the registry."""
    pull = nodes.start(kind, mitmdump, registry).pull(f"{registry.address}/qnib/bench")
    assert not pull.worked
    assert "Proxy Authentication Required" in pull.seen
