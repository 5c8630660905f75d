"""What only some clients of later suites do: crane, oras and apptainer."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from metahub.demo.bench import TAG, qnib_bench
from metahub.demo.images import OCI
from tests.e2e.asking.asker import Asker
from tests.e2e.clients import newer
from tests.e2e.clients.apptainer import Apptainer
from tests.e2e.clients.crane import Crane
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.oras import OlderOras, Oras
from tests.e2e.clients.shape import Way, speak
from tests.e2e.machine.running import bare_environment
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE2, login_of
from tests.e2e.upstreams.registry import LOGIN, Registry


@pytest.mark.parametrize("kind", [Crane, Oras, OlderOras])
def test_a_copy_through_the_proxy_is_the_index_of_the_machine_type(
    kind: type[Crane | Oras], nodes: Nodes, proxy: Proxy, registry: Registry
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


def test_machine_types_share_no_image_in_the_cache_of_apptainer(
    nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """One home on nodes of two kinds: the digest of the HEAD tells their images apart."""
    image = f"{registry.address}/qnib/bench"
    client = nodes.start(Apptainer, proxy, registry, login_of(TYPE1))
    other = Apptainer(replace(client.node, way=Way(proxy.url(login_of(TYPE2)))))
    kept = []
    for one in (client, client, other, other):
        assert one.pull(image).worked
        kept.append(len(one.keys))
    assert kept == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("suite", "program"),
    [(newer.TRIXIE, "dockerd"), (newer.FORKY, "crane"), (newer.SID, "apptainer")],
)
def test_what_is_unpacked_has_a_version(suite: newer.Suite, program: str) -> None:
    """As a person writes it, without what Debian adds."""
    suite.require(program)
    version = suite.version(program)
    assert version.count(".") == 2
    assert version.replace(".", "").isdigit()


def test_a_newer_program_sees_its_suite_and_one_directory(place: Path) -> None:
    """The rest of the machine is out of sight, and a suite stays as it was unpacked."""
    newer.SID.require("sh")
    seen = place / "seen"
    seen.mkdir()
    look = f"echo {place}/* {newer.CLIENTS}/* /usr/bin/apptainer*; : >/usr/mine"
    spoken = speak(newer.SID.command(("sh", "-c", look), seen), bare_environment())
    assert spoken.printed == f"{seen} {newer.CLIENTS}/* /usr/bin/apptainer\n"
    assert "Read-only file system" in spoken.complaint


def test_what_is_not_unpacked_is_skipped_with_a_remedy() -> None:
    """Not failed, not even under CI=true: later suites move on."""
    with pytest.raises(pytest.skip.Exception, match="not available here; `make newer-clients`"):
        newer.Suite("no-such-suite").require("crane")
