"""A client that MetaHub does not know asks and gets what it does without MetaHub."""

from collections.abc import Iterator

import pytest

from metahub.demo.bench import GENERIC, REPOSITORY, qnib_bench
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Way
from tests.e2e.matrix.conftest import Note
from tests.e2e.matrix.contenders import TRIED, Contender
from tests.e2e.matrix.outcome import has
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import Trust
from tests.e2e.upstreams.witness import Seen, Witness


@pytest.fixture(scope="module")
def witness(plain: Registry) -> Iterator[Witness]:
    """What stands before the registry, and sees every request."""
    with Witness(plain) as running:
        yield running


@pytest.fixture(scope="module")
def before_it(serve_all: Serve, witness: Witness) -> Proxy:
    """A proxy that knows nobody who comes without a password."""
    return serve_all(table(witness.address))


def test_request_by_request(
    contender: Contender,
    witness: Witness,
    before_it: Proxy,
    nodes: Nodes,
    trust: Trust,
    note: Note,
) -> None:
    """The registry sees the same requests, to the letter, and the client has the same image."""

    def asks(way: Way, proxy: Proxy | None) -> list[Seen]:
        witness.seen.clear()
        authorities = [trust.authority, *([proxy.authority] if proxy else [])]
        client = nodes.start_on(contender.kind, way, {witness.address: None}, authorities)
        pull = client.pull(f"{witness.address}/{REPOSITORY}")
        has(pull, GENERIC, qnib_bench().index.digest)
        return sorted(witness.seen)

    directly = asks(Way(hosts=trust.hosts), None)
    assert directly
    assert asks(Way(before_it.url()), before_it) == directly
    note(TRIED, "unknown")
