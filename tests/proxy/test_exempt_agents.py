"""`metahub_exempt_agents`: programs that see upstream's own indexes, of whatever machine type."""

import pytest

from metahub.config import ConfigError
from metahub.core.digest import Digest
from metahub.demo.address import Login
from metahub.demo.bench import BROADWELL, REPOSITORY, SKYLAKE, TAG, User, qnib_bench
from metahub.demo.images import image_of, index_of
from tests.e2e.asking.asker import Asker, entries_of, told
from tests.e2e.asking.wire import NoTunnelError
from tests.e2e.proxies.rules import TYPE1, TYPE3, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.running import ProxyInThread, Serve

COSIGN = {"User-Agent": "cosign/v3.1.1 (linux; amd64) go-containerregistry/v0.20.7"}
CONTAINERD = {"User-Agent": "containerd/2.1.4"}
INDEX = qnib_bench().index
FITTING = [str(image_of(BROADWELL).manifest.digest)]


@pytest.fixture
def exempting(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A proxy that exempts cosign and notation, before an upstream with qnib/bench."""
    odd.offer(REPOSITORY, TAG, INDEX)
    return serve(table(odd.address), metahub_exempt_agents=["Cosign", "notation"])


def ask_as(user: User | None, proxy: ProxyInThread, odd: OddRegistry) -> Asker:
    """Ask for qnib/bench as a user of the table, or as nobody."""
    return Asker(proxy.wire(odd.address, login_of(user) if user else None), REPOSITORY)


@pytest.mark.parametrize(
    "agent", ["cosign/v3.1.1 (linux; amd64)", "COSIGN", "notation/v1.3.2+unreleased", "x cosign"]
)
def test_an_exempt_program_sees_upstreams_index(
    agent: str, exempting: ProxyInThread, odd: OddRegistry
) -> None:
    """By HEAD and by GET, although its user is of a machine type."""
    asker = ask_as(TYPE1, exempting, odd)
    head, get = (ask(TAG, {"User-Agent": agent}) for ask in (asker.head, asker.get))
    assert get.body == INDEX.content
    assert told(head) == told(get) == (INDEX.media_type, len(INDEX.content), str(INDEX.digest))


@pytest.mark.parametrize("agent", ["", "containerd/2.1.4", "docker/29 (cosign/3)", "mycosign/3"])
def test_every_other_program_sees_what_fits(
    agent: str, exempting: ProxyInThread, odd: OddRegistry
) -> None:
    """Also one whose name is like it, and one that speaks of it."""
    answer = ask_as(TYPE1, exempting, odd).get(TAG, {"User-Agent": agent})
    assert entries_of(answer) == FITTING


def test_nobody_is_exempt_unless_an_option_says_so(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """It is off by default."""
    odd.offer(REPOSITORY, TAG, INDEX)
    assert entries_of(ask_as(TYPE1, proxy, odd).get(TAG, COSIGN)) == FITTING


def test_an_exempt_program_knows_the_digests_of_ours(
    exempting: ProxyInThread, odd: OddRegistry
) -> None:
    """A node has got one, and a person asks cosign about it."""
    asker = ask_as(TYPE1, exempting, odd)
    served = asker.get(TAG, CONTAINERD)
    answer = asker.get(Digest.of(served.body), COSIGN)
    assert (answer.status, answer.body) == (200, served.body)


def test_an_exempt_program_is_not_refused_what_does_not_fit(
    exempting: ProxyInThread, odd: OddRegistry
) -> None:
    """It gets upstream's whole index, as a client that the rules do not know."""
    images = index_of([SKYLAKE])
    odd.offer(REPOSITORY, TAG, images.index)
    asker = ask_as(TYPE3, exempting, odd)
    assert asker.get(TAG, CONTAINERD).status == 403
    assert asker.get(TAG, COSIGN).body == images.index.content


def test_an_exempt_program_has_to_say_who_asks(exempting: ProxyInThread, odd: OddRegistry) -> None:
    """A wrong password is wrong in every program."""
    wire = exempting.wire(odd.address, Login(TYPE1.name, "wrong"))
    with pytest.raises(NoTunnelError, match="407 MetaHub: wrong proxy user or password"):
        Asker(wire, REPOSITORY).get(TAG, COSIGN)


def test_an_unknown_client_stays_unknown(serve: Serve, odd: OddRegistry) -> None:
    """Where the rules deny those, cosign is denied with them."""
    rules = table(odd.address) | {"unknown_clients": "deny"}
    exempting = serve(rules, metahub_exempt_agents=["cosign"])
    with pytest.raises(NoTunnelError, match="407 MetaHub: this client is unknown"):
        ask_as(None, exempting, odd).get(TAG, COSIGN)


def test_the_tags_of_variants_are_not_for_exempt_programs(serve: Serve, odd: OddRegistry) -> None:
    """They ask for the tag, and the tag is what they get."""
    odd.offer(REPOSITORY, TAG, INDEX)
    odd.offer(REPOSITORY, f"{TAG}-broadwell", image_of(BROADWELL).manifest)
    variant = {"tag": "{tag}-broadwell", "features": ["cpu:broadwell"]}
    images = [{"match": f"{odd.address}/*", "variants": [variant]}]
    proxy = serve(table(odd.address) | {"images": images}, metahub_exempt_agents=["cosign"])
    asker = ask_as(TYPE1, proxy, odd)
    assert asker.get(TAG, CONTAINERD).body == image_of(BROADWELL).manifest.content
    assert asker.get(TAG, COSIGN).body == INDEX.content


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            ["cosign/v3"],
            "metahub_exempt_agents: expected the name of a product like cosign, found 'cosign/v3'",
        ),
        ("cosign", "metahub_exempt_agents"),
        ([5], "metahub_exempt_agents"),
    ],
)
def test_what_names_no_program(value: object, message: str, serve: Serve, odd: OddRegistry) -> None:
    """The proxy does not start: nobody would be exempt, and nobody would know."""
    with pytest.raises(ConfigError, match=message):
        serve(table(odd.address), metahub_exempt_agents=value)
