"""Indexes and manifests as mitmproxy's tools show them, by the rules that the repository shows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import contentviews, http
from mitmproxy.test import taddons, tflow

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEX_TYPES,
    MANIFEST_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageName,
)
from metahub.core.outcome import Outcome
from metahub.core.rewrite import Refused, Rewritten, rewrite
from metahub.proxy.content_view import ContentView, ImageView
from metahub.proxy.metrics import Metrics
from metahub.proxy.options import Options
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.view_text import MOST_ROWS, human_size, manifest_text
from metahub.rules import read_rules
from tests.core.indexes import as_bytes, attestation, digest_of, entry, index

EXAMPLE = Path(__file__).parents[2] / "metahub_rules"
BENCH = ImageName("docker.io", "qnib/bench")
ENTRIES = ("skylake", "broadwell", "generic")


def short(name: str) -> str:
    """The digest of an entry, as it is shown."""
    return Digest.parse(digest_of(name)).short


def upstream(media_type: str = OCI_INDEX) -> bytes:
    """An index with a build for Skylake, one for Broadwell, and one for all."""
    entries = [
        entry("skylake", "cpu:skylake"),
        entry("broadwell", "cpu:broadwell"),
        entry("generic"),
    ]
    return as_bytes(index(*entries, media_type=media_type))


def served_for(machine_type: str, body: bytes, media_type: str = OCI_INDEX) -> bytes:
    """What MetaHub makes of it."""
    rules = read_rules(EXAMPLE)
    terms = rules.terms(BENCH, rules.machine_types[machine_type])
    answer = rewrite(body, media_type, BENCH, terms)
    assert isinstance(answer, Rewritten)
    return answer.body


def flow_of(
    body: bytes, content_type: str = OCI_INDEX, before: bytes | None = None, **metadata: str
) -> http.HTTPFlow:
    """A flow of an image of Docker Hub, `before` being the index whose place the body took."""
    flow = tflow.tflow(resp=True)
    flow.request = http.Request.make(
        "GET", "https://registry-1.docker.io/v2/qnib/bench/manifests/latest"
    )
    if before is not None:
        flow.response = http.Response.make(200, before, {"Content-Type": OCI_INDEX})
        flow.backup()
    flow.response = http.Response.make(200, body, {"Content-Type": content_type})
    flow.metadata.update({f"metahub_{name}": value for name, value in metadata.items()})
    return flow


@pytest.fixture
def rules() -> Iterator[RulesInForce]:
    """The repository's rules, in force, with the view made known."""
    rules = RulesInForce(Metrics())
    with taddons.context(Options(), rules, ContentView(rules)) as context:
        context.configure(rules, metahub_rules=str(EXAMPLE))
        yield rules


def shown(flow: http.HTTPFlow, view: str = "auto") -> contentviews.ContentviewResult:
    """What mitmproxy shows of the answer."""
    assert flow.response is not None
    return contentviews.prettify_message(flow.response, flow, view)


@pytest.mark.parametrize("content_type", sorted(INDEX_TYPES | MANIFEST_TYPES))
def test_it_is_chosen_by_itself(content_type: str, rules: RulesInForce) -> None:
    """Before JSON's, whatever parameters stand behind the type."""
    body = manifest() if content_type in MANIFEST_TYPES else upstream(content_type)
    typed = manifest(mediaType=content_type) if content_type in MANIFEST_TYPES else body
    assert shown(flow_of(typed, f"{content_type}; charset=utf-8")).view_name == "MetaHub"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"{}", "application/vnd.oci.image.config.v1+json"),
        (b"", OCI_INDEX),
        (b"{", OCI_INDEX),
        (b"[]", OCI_MANIFEST),
    ],
)
def test_other_things_are_shown_by_others(
    body: bytes, content_type: str, rules: RulesInForce
) -> None:
    """What is no index, nothing at all, and what is broken."""
    assert shown(flow_of(body, content_type)).view_name != "MetaHub"


def test_an_index_is_judged(rules: RulesInForce) -> None:
    """For each entry what it is for, what it requires, whether it stays, and why."""
    text = shown(flow_of(upstream(), machine_type="type1")).text
    assert text.startswith("docker.io/qnib/bench for type1 (")
    assert "rewritten, 1 of 3 entries stays" in text
    rows = {name: row_of(name, text) for name in ENTRIES}
    assert rows["skylake"][1:5] == ["linux/amd64", "cpu:skylake", "1.0", "KiB"]
    assert [rows[name][5] for name in ENTRIES] == ["goes", "stays", "goes"]
    assert " ".join(rows["skylake"][6:]) == "requires cpu:skylake, which type1 does not offer"
    assert " ".join(rows["generic"][6:]).startswith("fits, but one that requires cpu:broadwell")
    assert rows["generic"][2] == "nothing"


def row_of(name: str, text: str) -> list[str]:
    """The first row of an entry, in words."""
    return next(line.split() for line in text.splitlines() if short(name) in line)


def test_upstreams_index_and_the_served_one(rules: RulesInForce) -> None:
    """Where the flow keeps both."""
    served = served_for("type1", upstream())
    flow = flow_of(served, before=upstream(), machine_type="type1", outcome="rewritten")
    judged, _, after = shown(flow).text.partition("The served index ")
    assert all(short(name) in judged for name in ENTRIES)
    assert after.startswith(f"{Digest.of(served)}: 1 entry\n")
    assert short("broadwell") in after
    assert short("skylake") not in after
    assert f"org.metahub.upstream-digest: {Digest.of(upstream())}" in after
    assert "Something else" not in judged


@pytest.mark.parametrize(
    ("media_type", "metadata"),
    [
        (OCI_INDEX, {}),
        (OCI_INDEX, {"metahub_outcome": "rewritten"}),
        (DOCKER_LIST, {"metahub_outcome": "rewritten"}),
    ],
)
def test_the_served_index_alone(
    media_type: str, metadata: dict[str, str], rules: RulesInForce
) -> None:
    """It is not judged again, as if it were upstream's."""
    body = served_for("type1", upstream(media_type), media_type)
    flow = flow_of(body, media_type, machine_type="type1")
    flow.metadata.update(metadata)
    text = shown(flow).text
    assert text.startswith(f"The served index {Digest.of(body)}: 1 entry\n")
    assert text.endswith("Upstream's own index is not kept with this flow.")


def test_an_edit_of_a_person_is_not_upstreams(rules: RulesInForce) -> None:
    """Mitmproxy keeps what was there before an edit in the same place."""
    ours = served_for("type1", upstream())
    flow = flow_of(ours + b"\n", before=ours, machine_type="type1", outcome="rewritten")
    assert shown(flow).text.startswith("The served index ")


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({}, "the client has no machine type"),
        ({"metahub_machine_type": ""}, "the client has no machine type"),
        ({"metahub_machine_type": "gone"}, "the rules in force now have no machine type gone"),
        (
            {"metahub_machine_type": "type1", "metahub_outcome": "passed:paused"},
            "it went on as it came (passed: paused)",
        ),
    ],
)
def test_an_index_that_is_not_judged(
    metadata: dict[str, str], why: str, rules: RulesInForce
) -> None:
    """Its entries all the same, and why."""
    flow = flow_of(upstream())
    flow.metadata.update(metadata)
    text = shown(flow).text
    assert text.startswith(f"Nothing is judged: {why}.\n\nUpstream's index ")
    assert all(short(name) in text for name in ENTRIES)
    assert "stays" not in text
    assert "goes" not in text


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://elsewhere.test/v2/a/manifests/b", "elsewhere.test is no registry of the rules"),
        ("https://docker.io/v2/a/blobs/b", "the request is not one for a manifest"),
    ],
)
def test_an_index_from_elsewhere(url: str, why: str, rules: RulesInForce) -> None:
    """The rules say nothing of it."""
    flow = flow_of(upstream(), machine_type="type1")
    flow.request = http.Request.make("GET", url)
    assert shown(flow).text.startswith(f"Nothing is judged: {why}")


def test_a_redirected_request_names_its_registry_in_the_headers(rules: RulesInForce) -> None:
    """Mitmproxy knows only the address."""
    flow = flow_of(upstream(), machine_type="type1")
    flow.request.host = "192.0.2.1"
    flow.request.host_header = "registry-1.docker.io"
    assert shown(flow).text.startswith("docker.io/qnib/bench for type1")


def test_rules_that_have_changed_since(rules: RulesInForce) -> None:
    """What is judged now is not passed off as what was decided."""
    flow = flow_of(upstream(), machine_type="type1", outcome=str(Outcome.UNCHANGED))
    then = f"Something else was decided then: unchanged, and {Digest.of(upstream())} served."
    assert shown(flow).text.endswith(then)


def test_a_refusal_where_upstreams_index_is_kept(rules: RulesInForce) -> None:
    """Shown by this view when a person chooses it: the error itself is JSON."""
    body = as_bytes(index(entry("skylake", "cpu:skylake")))
    in_force = rules.now()
    terms = in_force.terms(BENCH, in_force.machine_types["type1"])
    assert isinstance(rewrite(body, OCI_INDEX, BENCH, terms), Refused)
    flow = flow_of(b"{}", "application/json", before=body, machine_type="type1", outcome="refused")
    text = shown(flow, "metahub").text
    assert "refused, MetaHub: no build of docker.io/qnib/bench fits machine type type1" in text
    assert row_of("skylake", text)[5] == "goes"
    assert text.endswith("\n\nNo index is served in its place.")


def test_one_manifest_in_place_of_the_index(rules: RulesInForce) -> None:
    """Upstream's index, judged, then the manifest."""
    flow = flow_of(manifest(), OCI_MANIFEST, before=upstream(), machine_type="type1")
    text = shown(flow).text
    assert row_of("broadwell", text)[5] == "stays"
    assert f"Served in its place:\nManifest {Digest.of(manifest())}\n" in text


def test_an_index_that_a_client_pushes(rules: RulesInForce) -> None:
    """It is nobody's answer, and is listed."""
    flow = flow_of(b"", before=upstream(), machine_type="type1")
    flow.request.headers["Content-Type"] = OCI_INDEX
    flow.request.content = upstream()
    text = contentviews.prettify_message(flow.request, flow).text
    assert text.startswith(f"An index that is no answer {Digest.of(upstream())}: 3 entries\n")


def test_before_there_are_rules() -> None:
    """A flow file may be opened then."""
    view, flow = ImageView(RulesInForce(Metrics())), flow_of(upstream(), machine_type="type1")
    metadata = contentviews.Metadata(flow=flow, content_type=OCI_INDEX, http_message=flow.response)
    text = view.prettify(upstream(), metadata)
    assert text.startswith("Nothing is judged: no rules are in force.")
    assert row_of("skylake", text)[2] == "cpu:skylake"


def test_the_newest_of_two_proxies_shows(rules: RulesInForce) -> None:
    """Mitmproxy keeps views for the whole process, and none is taken away."""
    other = RulesInForce(Metrics())
    with taddons.context(Options(), other, ContentView(other)):
        text = shown(flow_of(upstream(), machine_type="type1")).text
    assert text.startswith("Nothing is judged: no rules are in force.")
    assert contentviews.registry.available_views().count("metahub") == 1


def test_a_view_for_another_content_type(rules: RulesInForce) -> None:
    """Says what it shows; mitmproxy shows the sentence where a person chose the view."""
    text = shown(flow_of(b"{}", "application/json"), "metahub").text
    assert "expected an index or a manifest, found application/json" in text


def test_what_has_no_flow_and_what_no_client_chooses(rules: RulesInForce) -> None:
    """An attestation requires nothing; and no flow is asked for what it does not say."""
    body = as_bytes(index(entry("generic"), attestation("signed", of="generic")))
    text = ImageView(rules).prettify(body, contentviews.Metadata(content_type=OCI_INDEX))
    assert text.startswith("An index that is no answer ")
    assert row_of("signed", text)[1:3] == ["unknown/unknown", "nothing"]


def test_no_more_rows_than_a_person_reads(rules: RulesInForce) -> None:
    """And how many there are besides."""
    body = as_bytes(index(*(entry(str(number)) for number in range(MOST_ROWS + 7))))
    lines = shown(flow_of(body)).text.splitlines()
    assert lines[-1] == "  and 7 more"
    assert len([line for line in lines if "linux/amd64" in line]) == MOST_ROWS


def test_what_upstream_wrote_stays_in_its_line(rules: RulesInForce) -> None:
    """No line of its own, no colours, no end of the text."""
    hostile = entry("skylake", "cpu:\n\x1b[31mskylake", platform="li\nnux/amd64")
    body = as_bytes(index(hostile, annotations={"a\nb": "c\nd\u202e"}))
    text = shown(flow_of(body)).text
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert len(text.splitlines()) == 6


def manifest(**more: object) -> bytes:
    """An image of two layers."""
    layers = [
        {"mediaType": "application/x-layer", "digest": digest_of(name), "size": size}
        for name, size in (("base", 28 * 1024 * 1024), ("top", 512))
    ]
    config = {"mediaType": "application/x-config", "digest": digest_of("config"), "size": 1469}
    fields: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config}
    return json.dumps({**fields, "layers": layers, "annotations": {"who": "me"}, **more}).encode()


def test_a_manifest() -> None:
    """Its config, its layers, their sizes, what is said of it."""
    assert manifest_text(Content(OCI_MANIFEST, manifest())).splitlines() == [
        f"Manifest {Digest.of(manifest())}",
        f"config: {digest_of('config')}, application/x-config",
        "layers: 2, 28.0 MiB in all",
        f"  {short('base')}  28.0 MiB  application/x-layer",
        f"  {short('top')}  512 B     application/x-layer",
        "annotations:",
        "  who: me",
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "expected a manifest as JSON: "),
        (b"[" * 100_000, "expected a manifest as JSON: "),
        (b"\xff", "expected a manifest as JSON: "),
        (b"[]", "expected a manifest as a JSON object"),
        (b" " * (4 * 1024 * 1024 + 1), "4194305 bytes, more than the 4194304"),
        (manifest(config=None), "config: expected an object with digest, mediaType and size"),
        (manifest(layers={}), "layers: expected a list"),
        (manifest(layers=[{}]), r"layers\[0\]: expected an object with digest, mediaType and size"),
    ],
)
def test_what_is_no_manifest(body: bytes, said: str) -> None:
    """One sentence each."""
    with pytest.raises(ValueError, match=said):
        manifest_text(Content(DOCKER_MANIFEST, body))


def test_a_manifest_without_layers() -> None:
    """There is nothing to list, nor to say of it."""
    text = manifest_text(Content(OCI_MANIFEST, manifest(layers=[], annotations=None)))
    assert text.endswith("\nlayers: 0, 0 B in all")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1023.9 KiB"),
        (1024**2, "1.0 MiB"),
        (3 * 1024**4 // 2, "1.5 TiB"),
        (1024**5, "1024.0 TiB"),
    ],
)
def test_a_size(size: int, said: str) -> None:
    """In the largest unit of which there is one."""
    assert human_size(size) == said


def test_a_size_that_nobody_has() -> None:
    """A manifest may name any number."""
    assert len(human_size(10**300)) == 80
