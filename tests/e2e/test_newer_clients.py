"""Clients that only later suites of Debian have: crane, oras, apptainer and cosign."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from metahub.core.digest import Digest
from metahub.demo.bench import BROADWELL, GENERIC, SKYLAKE, TABLE, TAG, User, qnib_bench
from metahub.demo.images import OCI, image_of, index_of
from tests.e2e import newer
from tests.e2e.asker import Asker, message_of
from tests.e2e.clients.apptainer import Apptainer
from tests.e2e.clients.cosign import Cosign, OlderCosign
from tests.e2e.clients.crane import Crane
from tests.e2e.clients.oras import OlderOras, Oras
from tests.e2e.clients.shape import Spoken, speak
from tests.e2e.nodes import Nodes
from tests.e2e.proxies import Serve
from tests.e2e.proxy import Proxy
from tests.e2e.registry import FORMATS, LOGIN, Registry
from tests.e2e.rules import TYPE1, TYPE2, TYPE3, login_of, table
from tests.e2e.running import bare_environment

type Fetcher = Crane | Oras
type Puller = Fetcher | Apptainer

FETCHERS = pytest.mark.parametrize("kind", [Crane, Oras, OlderOras])
PULLERS = pytest.mark.parametrize("kind", [Crane, Oras, OlderOras, Apptainer])
SIGNERS = pytest.mark.parametrize("kind", [Cosign, OlderCosign])


@pytest.fixture(scope="module")
def strict(serve_all: Serve, registry: Registry) -> Proxy:
    """A proxy that lets in only whom it knows."""
    return serve_all(table(registry.address) | {"unknown_clients": "deny"})


@FETCHERS
@pytest.mark.parametrize("repository", FORMATS)
@pytest.mark.parametrize("user", TABLE, ids=lambda user: user.name)
def test_a_fetcher_brings_the_build_that_fits(
    kind: type[Fetcher], user: User, repository: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """It verifies what it copies, and is known by the manifest."""
    client = nodes.start(kind, proxy, registry, login_of(user))
    pull = client.pull(f"{registry.address}/{repository}")
    assert pull.worked, pull.seen
    assert pull.digests == {str(image_of(user.gets, FORMATS[repository]).manifest.digest)}


@FETCHERS
def test_alone_a_fetcher_takes_the_first_build(
    kind: type[Fetcher], nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """Whoever the proxy does not know gets upstream's index."""
    pull = nodes.start(kind, proxy, registry).pull(f"{registry.address}/qnib/bench")
    assert pull.worked, pull.seen
    assert pull.digests == {str(image_of(GENERIC).manifest.digest)}


@PULLERS
def test_nobody_gets_past_the_proxy(
    kind: type[Puller], nodes: Nodes, strict: Proxy, registry: Registry
) -> None:
    """A proxy that does not let it in ends the pull."""
    pull = nodes.start(kind, strict, registry).pull(f"{registry.address}/qnib/bench")
    assert not pull.worked
    assert "this client is unknown" in pull.seen


@PULLERS
def test_a_refusal_is_on_every_screen(
    kind: type[Puller], nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """The whole sentence, because they ask with GET or look at the body after a HEAD."""
    registry.push("qnib/newer-picky", TAG, index_of((BROADWELL, SKYLAKE)))
    client = nodes.start(kind, proxy, registry, login_of(TYPE3))
    pull = client.pull(f"{registry.address}/qnib/newer-picky")
    asker = Asker.through(proxy, registry.address, TYPE3, "qnib/newer-picky", LOGIN)
    assert not pull.worked
    assert message_of(asker.get(TAG)) in pull.seen


@FETCHERS
def test_a_copy_through_the_proxy_is_the_index_of_the_machine_type(
    kind: type[Fetcher], nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """What arrives in the registry has the digest that the proxy told of, and the same bytes."""
    client = nodes.start(kind, proxy, registry, login_of(TYPE1))
    source = f"{registry.address}/qnib/bench:{TAG}"
    copied = client.copy(source, f"{registry.address}/copies/{kind.__name__.lower()}:{TAG}")
    assert copied.exit_code == 0, copied.seen
    digest = Asker.through(proxy, registry.address, TYPE1, "qnib/bench", LOGIN).digest(TAG)
    assert digest in copied.seen


def test_crane_is_told_one_digest_by_head_and_get(
    nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """`crane digest` asks with HEAD, `crane manifest` with GET."""
    client = nodes.start(Crane, proxy, registry, login_of(TYPE1))
    image = f"{registry.address}/qnib/bench"
    digest, manifest = client.digest(image), client.manifest(image)
    assert (digest.exit_code, manifest.exit_code) == (0, 0), digest.seen + manifest.seen
    content = manifest.printed.removesuffix("\n").encode()
    assert digest.printed == f"sha256:{hashlib.sha256(content).hexdigest()}\n"
    assert digest.printed.strip() != str(qnib_bench(OCI).index.digest)


@pytest.mark.parametrize("repository", FORMATS)
@pytest.mark.parametrize("user", TABLE, ids=lambda user: user.name)
def test_apptainer_runs_the_build_that_fits(
    user: User, repository: str, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """Unpacked into a folder, because a SIF wants more than a container here may do."""
    client = nodes.start(Apptainer, proxy, registry, login_of(user))
    assert client.run(f"{registry.address}/{repository}") == Spoken(0, user.gets.line + "\n", "")


def test_machine_types_share_no_image_in_the_cache_of_apptainer(
    nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """One home on nodes of two kinds: the digest of the HEAD tells their images apart."""
    image = f"{registry.address}/qnib/bench"
    client = nodes.start(Apptainer, proxy, registry, login_of(TYPE1))
    other = Apptainer(replace(client.node, proxy=proxy.url(login_of(TYPE2))))
    kept = [len(one.pull(image).digests) for one in (client, client, other, other)]
    assert kept == [1, 1, 2, 2]


@SIGNERS
def test_a_signature_of_the_build_holds_and_one_of_the_index_does_not(
    kind: type[Cosign], nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """Ours is another index than the one that was signed; its builds are upstream's own."""
    image = f"{registry.address}/signed/{kind.__name__.lower()}"
    index = registry.push(image.partition("/")[2], TAG, qnib_bench(OCI))
    signer = nodes.start(kind, proxy, registry)
    signed = signer.sign(f"{image}@{index}")
    assert signed.exit_code == 0, signed.seen

    def verify(reference: str, user: User | None) -> int:
        client = nodes.start(kind, proxy, registry, login_of(user) if user else None)
        return client.verify(reference, signer.public_key).exit_code

    assert verify(f"{image}:{TAG}", None) == 0
    assert verify(f"{image}:{TAG}", TYPE1) != 0
    assert verify(f"{image}@{_build(TYPE1)}", TYPE1) == 0
    assert verify(f"{image}@{index}", TYPE1) == 0


def _build(user: User) -> Digest:
    return image_of(user.gets).manifest.digest


@pytest.mark.parametrize(
    ("suite", "program"),
    [(newer.TRIXIE, "dockerd"), (newer.FORKY, "crane"), (newer.SID, "apptainer")],
)
def test_what_is_unpacked_has_a_version(suite: str, program: str) -> None:
    """As a person writes it, without what Debian adds."""
    newer.require(suite, program)
    name, version = newer.version(suite, program).split()
    assert (name, version.count(".")) == (program, 2)
    assert version.replace(".", "").isdigit()


def test_a_newer_program_sees_its_suite_and_what_is_made_visible(place: Path) -> None:
    """The rest of the machine is out of sight, and a suite stays as it was unpacked."""
    newer.require(newer.SID, "sh")
    (place / "seen").touch()
    look = f"echo {place}/* {newer.CLIENTS}/* /usr/bin/apptainer*; : >/usr/mine"
    command = newer.command(newer.SID, ("sh", "-c", look), [place / "seen"])
    spoken = speak(command, bare_environment())
    assert spoken.printed == f"{place}/seen {newer.CLIENTS}/* /usr/bin/apptainer\n"
    assert "Read-only file system" in spoken.complaint


def test_what_is_not_unpacked_is_skipped_with_a_remedy() -> None:
    """Not failed, not even under CI=true: later suites move on."""
    with pytest.raises(pytest.skip.Exception, match="`make newer-clients` unpacks it"):
        newer.require("no-such-suite", "crane")
