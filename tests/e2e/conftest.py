"""The parts under test, each started once and shared as widely as its state allows.

What they are made of: `machine/` starts programs and keeps them apart, `upstreams/` are registries
and what is in them, `proxies/` MetaHub and what stands beside it, `clients/` programs that pull,
`asking/` requests of our own. `matrix/` tries every client with everything, `signatures/` what is
signed, `tools/` what a person sees in mitmproxy's tools.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from tests.e2e.clients.nodes import Nodes
from tests.e2e.machine import seclusion
from tests.e2e.machine.network import Network, networked
from tests.e2e.machine.parts import require, require_network
from tests.e2e.proxies import redirected as redirecting
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.redirected import Crossing, Redirected
from tests.e2e.proxies.rules import table
from tests.e2e.proxies.serve import Serve, proxies
from tests.e2e.upstreams import front as nginx
from tests.e2e.upstreams import registry as docker_registry
from tests.e2e.upstreams.front import Front
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.registry import FORMATS, LOGIN, Registry
from tests.e2e.upstreams.token_service import PRIVATE, PUBLIC, TokenService
from tests.e2e.upstreams.trust import HERE, Trust

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder is marked e2e."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A directory with a name short enough for the sockets below it."""
    path = Path(tempfile.mkdtemp(prefix="e2e-"))
    yield path
    seclusion.forget_cgroups()
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def trust(place: Path) -> Trust:
    """The authority and the certificate of all registries."""
    return Trust.below(place)


@pytest.fixture(scope="session")
def network(place: Path) -> Iterator[Network]:
    """Nodes, a registry, and the proxy's namespace between them."""
    require_network()
    directory = place / "network"
    directory.mkdir()
    with networked(directory) as running:
        yield running


@pytest.fixture(scope="session")
def registry(place: Path, trust: Trust) -> Iterator[Registry]:
    """A registry that wants a login, with qnib/bench in both formats."""
    require("docker-registry")
    with docker_registry.serving(place, trust, login=LOGIN) as running:
        for repository, image_format in FORMATS.items():
            running.push(repository, TAG, qnib_bench(image_format))
        yield running


@pytest.fixture(scope="session")
def odd(trust: Trust) -> Iterator[OddRegistry]:
    """An upstream that answers as a test says; it needs no package and no root."""
    with OddRegistry(trust.pair.server_context(), HERE) as running:
        yield running


@pytest.fixture(scope="session")
def odd_plain() -> Iterator[OddRegistry]:
    """The same without TLS."""
    with OddRegistry(None, HERE) as running:
        yield running


@pytest.fixture(scope="module")
def serve_all(place: Path, trust: Trust) -> Iterator[Serve]:
    """Starts proxies that last as long as the module."""
    with proxies(place, trust) as serve:
        yield serve


@pytest.fixture
def serve(place: Path, trust: Trust) -> Iterator[Serve]:
    """Starts proxies that a test may stop, kill and teach other rules."""
    with proxies(place, trust) as serve:
        yield serve


@pytest.fixture(scope="session")
def serve_everybody(place: Path, trust: Trust) -> Iterator[Serve]:
    """Starts proxies that last to the end; nobody may stop them nor edit their rules."""
    with proxies(place, trust) as serve:
        yield serve


@pytest.fixture(scope="session")
def proxy(serve_everybody: Serve, registry: Registry) -> Proxy:
    """A proxy with the rules of the table before the registry."""
    return serve_everybody(table(registry.address))


@pytest.fixture(scope="session")
def odd_proxy(serve_everybody: Serve, odd: OddRegistry, odd_plain: OddRegistry) -> Proxy:
    """A proxy with the rules of the table before the odd registries."""
    # A test changes them at once.
    return serve_everybody(table(odd.address, odd_plain.address), metahub_anonymous_seconds=0)


@pytest.fixture
def nodes(place: Path) -> Iterator[Nodes]:
    """Where a test starts clients; they end with it."""
    with Nodes(place) as started:
        yield started


@pytest.fixture(scope="session")
def crossing(place: Path, network: Network) -> Iterator[Crossing]:
    """Registries in the network, and what starts proxies there."""
    require("docker-registry")
    directory = place / "crossing"
    directory.mkdir()
    with redirecting.crossing(directory, network) as running:
        yield running


@pytest.fixture(scope="session")
def redirected(crossing: Crossing) -> Iterator[Redirected]:
    """A proxy there that nodes are redirected to."""
    with crossing.redirected() as running:
        yield running


# Registries that are several programs, each with the images of the table


@pytest.fixture(scope="session")
def tokens(trust: Trust) -> Iterator[TokenService]:
    """A token service at another host, which knows the login."""
    with TokenService(trust, LOGIN) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(place: Path, trust: Trust, tokens: TokenService) -> Iterator[Registry]:
    """A registry that sends clients there, with an image for everybody and one for the login."""
    require("docker-registry")
    directory = place / "guarded"
    directory.mkdir()
    with docker_registry.serving(directory, trust, login=LOGIN, tokens=tokens) as running:
        for repository in (PUBLIC, PRIVATE):
            running.push(repository, TAG, qnib_bench())
        yield running


@pytest.fixture(scope="session")
def plain(place: Path, trust: Trust) -> Iterator[Registry]:
    """A registry without TLS that asks for nothing."""
    require("docker-registry")
    directory = place / "plain"
    directory.mkdir()
    with docker_registry.serving(directory, trust, scheme="http") as running:
        running.push(REPOSITORY, TAG, qnib_bench())
        yield running


@pytest.fixture(scope="session")
def front(place: Path, trust: Trust) -> Iterator[Front]:
    """All kinds of fronts before one open registry, with qnib/bench in both formats."""
    require("docker-registry", "nginx")
    directory = place / "front"
    directory.mkdir()
    with (
        docker_registry.serving(directory, trust, scheme="http") as backend,
        nginx.before(backend, directory) as running,
    ):
        for repository, image_format in FORMATS.items():
            running["http2"].push(repository, TAG, qnib_bench(image_format))
        yield running
