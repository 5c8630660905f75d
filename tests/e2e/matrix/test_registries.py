"""Each client before each kind of registry: what differs there is the registry's business."""

from collections.abc import Mapping

import pytest

from metahub.demo.address import Login
from metahub.demo.bench import REPOSITORY, User
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Client, Way
from tests.e2e.matrix.conftest import Note
from tests.e2e.matrix.contenders import REGISTRIES, Contender
from tests.e2e.matrix.outcome import has
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE4, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.front import COUNTING, Front
from tests.e2e.upstreams.registry import LOGIN, Registry
from tests.e2e.upstreams.token_service import PRIVATE
from tests.e2e.upstreams.trust import Trust

# In front of which registry a column is tried, by its name among the fronts.
FRONTS = {
    "open": COUNTING,
    "blobs elsewhere": "redirect",
    "no digest on HEAD": "no-digest",
    "no HEAD": "no-head",
    "gzip": "gzip-always",
    "HTTP/2": "http2",
}


@pytest.fixture(scope="module")
def registries(
    registry: Registry, guarded: Registry, plain: Registry, front: Front
) -> Mapping[str, tuple[Registry, str]]:
    """The registry and the repository of each column."""
    fronts = {column: (front[kind], REPOSITORY) for column, kind in FRONTS.items()}
    return {
        "password": (registry, REPOSITORY),
        "token": (guarded, PRIVATE),
        "no TLS": (plain, REPOSITORY),
        **fronts,
    }


@pytest.fixture(scope="module")
def before_all(serve_all: Serve, registries: Mapping[str, tuple[Registry, str]]) -> Proxy:
    """One proxy before all of them."""
    return serve_all(table(*(registry.address for registry, _ in registries.values())))


@pytest.fixture(scope="module")
def client(
    contender: Contender,
    module_nodes: Nodes,
    before_all: Proxy,
    registries: Mapping[str, tuple[Registry, str]],
    trust: Trust,
) -> Client:
    """A client that knows all of them, and trusts who is tunnelled besides MetaHub."""
    logins: dict[str, Login | None] = dict.fromkeys(("password", "token"), LOGIN)
    known = {registry.address: logins.get(name) for name, (registry, _) in registries.items()}
    way = Way(before_all.url(login_of(TYPE4)))
    authorities = [before_all.authority, trust.authority]
    return module_nodes.start_on(contender.kind, way, known, authorities)


@pytest.mark.parametrize("column", REGISTRIES.columns)
def test_a_registry(
    column: str,
    client: Client,
    registries: Mapping[str, tuple[Registry, str]],
    served: Mapping[User, str],
    note: Note,
) -> None:
    """The build that fits comes from it."""
    registry, repository = registries[column]
    has(client.pull(f"{registry.address}/{repository}"), TYPE4.gets, served[TYPE4])
    note(REGISTRIES, column)
