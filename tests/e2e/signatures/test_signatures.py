"""docs/signatures.md says what cosign, notation, oras and skopeo say."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from metahub.core.user_agent import parse_product, products_of
from metahub.demo.bench import TAG, qnib_bench
from metahub.demo.images import image_of
from tests.e2e.clients import newer
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE2
from tests.e2e.signatures.desk import Desk, Said
from tests.e2e.signatures.upstream import Upstream
from tests.e2e.upstreams.trust import Trust

DOCUMENT = (Path(__file__).parents[3] / "docs/signatures.md").read_text(encoding="utf-8")
LINE = re.compile(r"^\| (the index[^|]*) \| ([^|]+) \| `([^|`]+)` \|$", re.MULTILINE)

AGENT = re.compile(r"^\| \w+ \| `([^|`]+)` \| `([^|`]+)` \|$", re.MULTILINE)

VERIFIED = "The signatures were verified against the specified public key"
NOTHING = "Error: no signatures found"

# What the document calls them
SIGNED = {"the index": (), "the index and its manifests (`--recursive`)": ("--recursive",)}
ANSWERED = {
    "an index (`answer: index`)": "index",
    "a manifest (`answer: manifest`)": "manifest",
    "upstream's index (cosign is exempt)": "exempt",
}
FORMATS = {"bundle": (), "tag": ("--new-bundle-format=false",)}

INDEX = qnib_bench().index
CHOSEN = image_of(TYPE1.gets).manifest


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the document's table."""

    signed: str
    answered: str
    words: str


AGENTS = AGENT.findall(DOCUMENT)
LINES = tuple(Line(*match.groups()) for match in LINE.finditer(DOCUMENT))


@pytest.fixture(scope="module")
def desk(place: Path, trust: Trust, with_the_api: Upstream, without_the_api: Upstream) -> Desk:
    """Someone with a key, who has signed in every way, past MetaHub."""
    newer.FORKY.require("cosign", "oras", "notation", "skopeo")
    upstreams = (with_the_api, without_the_api)
    names = [name for upstream in upstreams for name in (upstream.here, upstream.address)]
    desk = Desk.past(place, trust, names)
    desk.make_keys()
    for upstream in upstreams:
        _sign_in_every_way(desk, upstream)
    return desk


def _sign_in_every_way(desk: Desk, upstream: Upstream) -> None:
    for signed, recursive in SIGNED.items():
        for name, written in FORMATS.items():
            repository = _repository(signed, name)
            index = upstream.push(repository)
            desk.sign(f"{upstream.here}/{repository}@{index}", *recursive, *written)


def _repository(signed: str, written: str) -> str:
    return f"signed/{written}{'-recursively' if SIGNED[signed] else ''}"


def test_the_document_has_a_line_for_every_case() -> None:
    """The tests below would say nothing of a table that is written in another way."""
    cases = {(signed, answered) for signed in SIGNED for answered in ANSWERED}
    assert {(line.signed, line.answered) for line in LINES} == cases
    assert len(LINES) == len(cases)
    assert [name for _, name in AGENTS] == ["cosign", "notation", "oras"]


@pytest.mark.parametrize(("agent", "name"), AGENTS)
def test_a_program_is_known_by_its_user_agent(agent: str, name: str) -> None:
    """By the name that the document says is to be listed."""
    assert parse_product(name) in products_of(agent)


@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.signed}-{ANSWERED[line.answered]}")
def test_cosign_says_what_the_document_says(
    line: Line, written: str, desk: Desk, upstream: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """Of a tag, on a node of a known machine type."""
    node = desk.on_a_node(answering[ANSWERED[line.answered]], TYPE1)
    image = f"{upstream.address}/{_repository(line.signed, written)}"
    said = node.verify(f"{image}:{TAG}", *FORMATS[written])
    assert line.words in said.words
    assert said.worked == (line.words == VERIFIED)


@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("answered", ["index", "manifest"])
def test_a_digest_verifies_as_without_metahub(
    answered: str, written: str, desk: Desk, upstream: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """The index where it is signed, a manifest only where it is signed itself."""
    node = desk.on_a_node(answering[answered], TYPE1)
    images = [f"{upstream.address}/{_repository(signed, written)}" for signed in SIGNED]
    digests = (INDEX.digest, CHOSEN.digest)
    said = [
        node.verify(f"{image}@{digest}", *FORMATS[written])
        for image in images
        for digest in digests
    ]
    assert [one.worked for one in said] == [True, False, True, True]
    assert NOTHING in said[1].words


def test_who_is_unknown_sees_what_was_signed(
    desk: Desk, upstream: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """Upstream's index, for there is no machine type to choose for."""
    node = desk.on_a_node(answering["index"], None)
    assert VERIFIED in node.verify(f"{upstream.address}/signed/bundle:{TAG}").words


def test_what_is_signed_through_metahub_is_the_index_of_one_machine_type(
    desk: Desk, upstream: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """It verifies for that one, and for nobody else."""
    repository = "signed/through"
    upstream.push(repository)
    image = f"{upstream.address}/{repository}:{TAG}"
    proxy = answering["index"]
    desk.on_a_node(proxy, TYPE1).sign(image)
    said = [desk.on_a_node(proxy, user).verify(image) for user in (TYPE1, TYPE2, None)]
    assert [one.worked for one in said] == [True, False, False]
    assert all(NOTHING in one.words for one in said[1:])


def test_an_attestation_is_not_of_our_index_either(
    desk: Desk, upstream: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """The document says how cosign calls that."""
    repository = "signed/attested"
    index = upstream.push(repository)
    predicate = desk.home / "predicate.json"
    predicate.write_text("{}")
    flags = ("--yes", f"--key={desk.home}/cosign.key", f"--predicate={predicate}")
    offline = ("--tlog-upload=false", "--use-signing-config=false")
    attested = desk.run(
        "cosign", "attest", *flags, *offline, f"{upstream.here}/{repository}@{index}"
    )
    assert attested.worked, attested.words
    said = [_attested(desk, proxy, upstream) for proxy in (answering["index"], answering["exempt"])]
    assert [one.worked for one in said] == [False, True]
    assert "Error: no matching attestations" in said[0].words
    assert _is_documented("Error: no matching attestations")


def _attested(desk: Desk, proxy: Proxy, upstream: Upstream) -> Said:
    key = f"--key={desk.home}/cosign.pub"
    words = ("cosign", "verify-attestation", key, "--insecure-ignore-tlog")
    return desk.on_a_node(proxy, TYPE1).run(*words, f"{upstream.address}/signed/attested:{TAG}")


def test_notation_says_what_the_document_says(
    desk: Desk, upstream: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """It finds none for the index of ours, and verifies where it is exempt."""
    repository = "signed/notation"
    image = f"{upstream.address}/{repository}"
    unknown = desk.on_a_node(answering["index"], None)
    _trust_notation(desk, str(upstream.port))
    signed = unknown.run(
        "notation", "sign", f"--key={upstream.port}.test", f"{image}@{upstream.push(repository)}"
    )
    assert signed.worked, signed.words
    ways = (answering["index"], answering["exempt"])
    said = [desk.on_a_node(way, TYPE1).run("notation", "verify", f"{image}:{TAG}") for way in ways]
    assert [one.worked for one in said] == [False, True]
    assert "no signature is associated with" in said[0].words
    assert "`no signature is associated with " in DOCUMENT


def _trust_notation(desk: Desk, name: str) -> None:
    """A key of notation's own, and the policy that its signatures count."""
    made = desk.run("notation", "cert", "generate-test", f"{name}.test")
    assert made.worked, made.words
    policy = {
        "name": "everything",
        "registryScopes": ["*"],
        "signatureVerification": {"level": "strict"},
        "trustStores": [f"ca:{name}.test"],
        "trustedIdentities": ["*"],
    }
    file = desk.home / ".config/notation/trustpolicy.json"
    file.write_text(json.dumps({"version": "1.0", "trustPolicies": [policy]}))


def test_oras_finds_what_is_attached_to_the_image(
    desk: Desk, upstream: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """By upstream's digest, and by the tag where it is exempt; to D' nothing is attached."""
    repository = "signed/sbom"
    digest = desk.attach(f"{upstream.here}/{repository}@{upstream.push(repository)}")
    image = f"{upstream.address}/{repository}"
    node, exempt = (desk.on_a_node(answering[name], TYPE1) for name in ("index", "exempt"))
    assert node.discover(f"{image}:{TAG}") == []
    assert node.discover(f"{image}@{INDEX.digest}") == [digest]
    assert exempt.discover(f"{image}:{TAG}") == [digest]
    folder = desk.home / f"sbom-{upstream.port}"
    pulled = node.run(
        "oras", "pull", f"--output={folder}", "--allow-path-traversal", f"{image}@{digest}"
    )
    assert pulled.worked, pulled.words


def test_what_is_attached_through_metahub_is_found_through_metahub(
    desk: Desk, upstream: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """By the machine type to whose index it is attached; not by upstream's digest."""
    repository = "signed/sbom-through"
    upstream.push(repository)
    image = f"{upstream.address}/{repository}"
    node, other = (desk.on_a_node(answering["index"], user) for user in (TYPE1, TYPE2))
    digest = node.attach(f"{image}:{TAG}")
    assert node.discover(f"{image}:{TAG}") == [digest]
    assert other.discover(f"{image}:{TAG}") == []
    assert node.discover(f"{image}@{INDEX.digest}") == []


@pytest.mark.parametrize(("answered", "builds"), [("index", 1), ("exempt", 4)])
def test_oras_copies_what_it_sees(
    answered: str, builds: int, desk: Desk, upstream: Upstream, answering: Mapping[str, Proxy]
) -> None:
    """With what is attached: the build that fits and nothing, or all builds and the SBOM."""
    repository = f"signed/copied-{answered}"
    attached = desk.attach(f"{upstream.here}/{repository}@{upstream.push(repository)}")
    layout = desk.home / f"layout-{upstream.port}-{answered}"
    image = f"{upstream.address}/{repository}:{TAG}"
    node = desk.on_a_node(answering[answered], TYPE1)
    copied = node.run("oras", "copy", "--recursive", image, "--to-oci-layout", f"{layout}:copy")
    assert copied.worked, copied.words
    arrived = {path.name for path in (layout / "blobs/sha256").iterdir()}
    manifests = {image.manifest.digest.hex for image in qnib_bench().images}
    assert len(arrived & manifests) == builds
    assert (attached.removeprefix("sha256:") in arrived) == (answered == "exempt")


@pytest.mark.parametrize("answered", ["index", "manifest"])
@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("signed", SIGNED, ids=["index", "recursively"])
def test_a_policy_looks_at_the_manifest(
    signed: str,
    written: str,
    answered: str,
    desk: Desk,
    upstream: Upstream,
    answering: Mapping[str, Proxy],
) -> None:
    """That of podman, skopeo, buildah and CRI-O, which reads only cosign's old format."""
    node = desk.on_a_node(answering[answered], TYPE1)
    said = _copied_by_policy(node, upstream, _repository(signed, written))
    rejected = "Source image rejected: A signature was required, but no signature exists"
    assert said.worked == (bool(SIGNED[signed]) and written == "tag"), said.words
    assert (rejected in said.words) != said.worked
    assert _is_documented(rejected)


def _copied_by_policy(node: Desk, upstream: Upstream, repository: str) -> Said:
    """`skopeo copy` of what was signed under the name that its registry has past MetaHub."""
    name = {"type": "exactRepository", "dockerRepository": f"{upstream.here}/{repository}"}
    wanted = {
        "type": "sigstoreSigned",
        "keyPath": f"{node.home}/cosign.pub",
        "signedIdentity": name,
    }
    file, folder = node.home / "policy.json", node.home / "registries.d"
    transports = {"docker": {str(upstream.address): [wanted]}}
    file.write_text(json.dumps({"default": [{"type": "reject"}], "transports": transports}))
    folder.mkdir(exist_ok=True)
    attachments = {"docker": {str(upstream.address): {"use-sigstore-attachments": True}}}
    (folder / "registries.yaml").write_text(json.dumps(attachments))
    return node.run(
        "skopeo",
        f"--policy={file}",
        f"--registries.d={folder}",
        "copy",
        "--remove-signatures",
        f"--authfile={node.home}/config.json",
        f"docker://{upstream.address}/{repository}:{TAG}",
        f"oci:{node.home}/copied:{upstream.port}",
    )


def _is_documented(words: str) -> bool:
    return f"`{words}`" in " ".join(DOCUMENT.split())
