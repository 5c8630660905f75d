"""MetaHub is no way around a registry's access control: upstream says who may have what."""

import pytest

from metahub.demo.address import Login
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import Wire
from tests.e2e.clients.containerd import Containerd
from tests.e2e.clients.docker import Docker
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.podman import Podman
from tests.e2e.clients.shape import Client
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.registry import LOGIN, Registry

NO_LOGINS = pytest.mark.parametrize(
    "login", [None, Login(LOGIN.user, "wrong")], ids=["no login", "wrong login"]
)
SEEN: dict[type[Client], str] = {
    Docker: "no basic auth credentials",
    Containerd: "401 Unauthorized",
    Podman: "authentication required",
}


@NO_LOGINS
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_without_a_login_a_private_repository_answers_as_upstream_does(
    method: str, login: Login | None, proxy: Proxy, registry: Registry
) -> None:
    """For the tag, and for a D' that is stored because somebody else may have it."""
    stored = Asker.through(proxy, registry.address, TYPE1, login=LOGIN).digest(TAG)
    direct = Asker(Wire(registry.here, registry.trust.authority), REPOSITORY, login)
    asker = Asker.through(proxy, registry.address, TYPE1, login=login)
    for reference in (TAG, stored):
        expected, answer = direct.ask(method, TAG), asker.ask(method, reference)
        assert (answer.status, answer.reason) == (401, expected.reason)
        assert answer.headers["www-authenticate"] == expected.headers["www-authenticate"]
        assert answer.body == expected.body


def test_a_digest_is_not_known_in_another_repository(odd_proxy: Proxy, odd: OddRegistry) -> None:
    """What upstream does not have there, nobody gets there."""
    odd.offer("qnib/private", TAG, qnib_bench().index)
    stored = Asker.through(odd_proxy, odd.address, TYPE1, "qnib/private").digest(TAG)
    answer = Asker.through(odd_proxy, odd.address, TYPE1, "qnib/public").get(stored)
    assert answer.status == 404
    assert b"NAME_UNKNOWN" in answer.body


@pytest.mark.parametrize(("kind", "words"), SEEN.items())
def test_a_client_without_a_login_is_told_so(
    kind: type[Client], words: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """In upstream's words, as if MetaHub were not there."""
    client = nodes.start(kind, proxy, registry, login_of(TYPE1), login=None)
    pull = client.pull(f"{registry.address}/{REPOSITORY}")
    assert not pull.worked
    assert words in pull.seen
