"""A registry without TLS works as one with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from tests.e2e import registry as docker_registry
from tests.e2e.clients.containerd import Containerd
from tests.e2e.clients.docker import Docker
from tests.e2e.clients.podman import Podman
from tests.e2e.clients.shape import Runtime, Spoken
from tests.e2e.nodes import Nodes
from tests.e2e.parts import require
from tests.e2e.proxies import Serve
from tests.e2e.proxy import Proxy
from tests.e2e.registry import Registry
from tests.e2e.rules import TYPE4, login_of, table
from tests.e2e.trust import Trust


@pytest.fixture(scope="module")
def plain(place: Path, trust: Trust) -> Iterator[Registry]:
    """A registry that asks for nothing, with qnib/bench."""
    require("docker-registry")
    directory = place / "plain"
    directory.mkdir()
    with docker_registry.serving(directory, trust, scheme="http") as running:
        running.push(REPOSITORY, TAG, qnib_bench())
        yield running


@pytest.fixture(scope="module")
def before_it(serve_all: Serve, plain: Registry) -> Proxy:
    """A proxy with the rules of the table."""
    return serve_all(table(plain.address))


@pytest.mark.parametrize("kind", [Docker, Containerd, Podman])
def test_a_runtime_runs_the_build_that_fits(
    kind: type[Runtime], nodes: Nodes, before_it: Proxy, plain: Registry
) -> None:
    """Docker and podman try TLS first; containerd does as it is told."""
    image = f"{plain.address}/{REPOSITORY}"
    client = nodes.start(kind, before_it, plain, login_of(TYPE4), login=None)
    pull = client.pull(image)
    assert pull.worked, pull.seen
    assert client.run(image) == Spoken(0, TYPE4.gets.line + "\n", "")
