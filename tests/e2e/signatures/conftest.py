"""Registries and proxies for what is signed and attached."""

from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import table
from tests.e2e.proxies.serve import Serve
from tests.e2e.signatures import referring_registry
from tests.e2e.signatures.upstream import Upstream
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import Trust


@pytest.fixture(scope="session")
def without_the_api(registry: Registry) -> Upstream:
    """Debian's docker-registry, which knows of no referrers."""
    return Upstream(registry.address.port, registry.trust, lists_referrers=False)


@pytest.fixture(scope="session")
def with_the_api(trust: Trust) -> Iterator[Upstream]:
    """A registry of today."""
    with referring_registry.serving(trust) as running:
        yield Upstream(running.address.port, trust, lists_referrers=True)


@pytest.fixture(params=["with_the_api", "without_the_api"])
def upstream(request: pytest.FixtureRequest) -> Upstream:
    """Each of the two."""
    upstream: Upstream = request.getfixturevalue(request.param)
    return upstream


@pytest.fixture(scope="session")
def answering(
    serve_everybody: Serve, with_the_api: Upstream, without_the_api: Upstream
) -> Mapping[str, Proxy]:
    """Proxies before both, by how they answer a tag: `exempt` leaves it alone for programs."""
    rules = table(with_the_api.address, without_the_api.address)
    manifest = {"images": [{"match": "reg.test:*/**", "answer": "manifest"}]}
    agents = ["cosign", "notation", "oras"]
    return {
        "index": serve_everybody(rules),
        "manifest": serve_everybody(rules | manifest),
        "exempt": serve_everybody(rules, metahub_exempt_agents=agents),
    }
