"""Flows of every kind, as they are read from a file."""

import io
from collections.abc import Iterable
from typing import Any

import pytest
from mitmproxy import flow, http
from mitmproxy.io import FlowWriter
from mitmproxy.proxy import mode_specs
from mitmproxy.test import tflow

from metahub.core.client import Client
from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, ImageName
from metahub.core.outcome import Outcome
from metahub.core.registry import Registries, Registry
from metahub.core.rewrite import UPSTREAM_DIGEST_ANNOTATION
from metahub.explaining.recorded import Recorded, RecordingError
from metahub.proxy.recorded import Recording, read_recording
from tests.core.indexes import as_bytes, digest_of, entry, index

REGISTRIES = Registries([Registry.parse("docker.io"), Registry.parse("registry.test:5000")])
URL = "https://registry-1.docker.io/v2/qnib/bench/manifests/latest"
UPSTREAMS = as_bytes(index(entry("generic"), entry("broadwell", "cpu:broadwell")))
D = Digest.of(UPSTREAMS)
OURS = as_bytes(
    index(entry("broadwell", "cpu:broadwell"), annotations={UPSTREAM_DIGEST_ANNOTATION: str(D)})
)
BROADWELL = Digest.parse(digest_of("broadwell"))
LIST = as_bytes(index(entry("broadwell"), media_type=DOCKER_LIST))


def flow_of(
    body: bytes | None,
    content_type: str = OCI_INDEX,
    before: bytes | None = None,
    method: str = "GET",
    url: str = URL,
    **metadata: Any,
) -> http.HTTPFlow:
    """A flow, `before` being the index whose place the body took."""
    made = tflow.tflow(resp=True)
    made.request = http.Request.make(method, url)
    if before is not None:
        made.response = http.Response.make(200, before, {"Content-Type": OCI_INDEX})
        made.backup()
    headers = {"Content-Type": content_type}
    if body is not None:
        headers["Docker-Content-Digest"] = str(Digest.of(body))
    made.response = http.Response.make(200, b"" if method == "HEAD" else body or b"", headers)
    made.metadata.update(metadata)
    return made


def decided(outcome: Outcome = Outcome.REWRITTEN, **other: Any) -> dict[str, Any]:
    """What MetaHub writes on a flow."""
    return {
        "metahub_client": "qnib-type1 at 10.20.0.7",
        "metahub_machine_type": "type1",
        "metahub_outcome": str(outcome),
        "metahub_image": "docker.io/qnib/bench:latest",
    } | other


def read(*flows: flow.Flow, registries: Registries = REGISTRIES) -> Recording:
    """What a file of these says."""
    return read_recording(io.BytesIO(written(flows)), registries)


def written(flows: Iterable[flow.Flow]) -> bytes:
    """A file of flows."""
    file = io.BytesIO()
    writer = FlowWriter(file)
    for one in flows:
        writer.add(one)
    return file.getvalue()


def only(recording: Recording) -> Recorded:
    """The one request."""
    (recorded,) = recording.requests()
    return recorded


def test_a_rewritten_flow() -> None:
    """Who asked, what was served of it, and upstream's own beside it."""
    recording = read(flow_of(OURS, before=UPSTREAMS, **decided()))
    recorded = only(recording)
    assert recorded.client == Client.parse("qnib-type1 at 10.20.0.7")
    assert recorded.name == "docker.io/qnib/bench:latest"
    assert recorded.upstream == D
    assert recorded.is_index
    assert (recorded.then.outcome, recorded.then.machine_type) == (Outcome.REWRITTEN, "type1")
    assert recorded.then.digest == Digest.of(OURS)
    assert recorded.then.kept == (BROADWELL,)
    index = recording.index(D)
    assert index is not None
    assert (index.media_type, index.body) == (OCI_INDEX, UPSTREAMS)


def test_an_index_of_ours_names_its_origin() -> None:
    """Where upstream's own was not kept; the store may have it. A list does not name any."""
    recording = read(flow_of(OURS, **decided()), flow_of(LIST, DOCKER_LIST, **decided()))
    oci, docker = recording.requests()
    assert (oci.upstream, docker.upstream) == (D, None)
    assert docker.then.kept == (BROADWELL,)
    assert recording.index(D) is None
    assert recording.origin(Digest.of(OURS)) == D


def test_an_index_of_ours_is_known_without_metadata() -> None:
    """Where a proxy in front of MetaHub wrote it down."""
    recorded = only(read(flow_of(OURS)))
    assert (recorded.then.outcome, recorded.then.machine_type) == (Outcome.REWRITTEN, None)
    assert (recorded.then.kept, recorded.upstream) == ((BROADWELL,), D)


def test_a_manifest_in_the_place_of_its_index() -> None:
    """It is the one entry that stayed."""
    recorded = only(read(flow_of(b"{}", OCI_MANIFEST, before=UPSTREAMS, **decided())))
    assert recorded.is_index
    assert recorded.then.kept == (Digest.of(b"{}"),)
    assert recorded.upstream == D


def test_a_head_follows_the_get_of_its_digest() -> None:
    """In whatever order they come; one that has none says no more than a digest."""
    get, head = flow_of(OURS, **decided()), flow_of(OURS, method="HEAD", **decided())
    for flows in ((get, head), (head, get)):
        assert read(*flows).requests().total() == 2
        assert only(read(*flows)).upstream == D
    alone = only(read(head))
    assert (alone.then.digest, alone.then.kept, alone.upstream) == (Digest.of(OURS), None, None)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_upstreams_own(method: str) -> None:
    """Of a recording without MetaHub, or of a client that it does not know."""
    recorded = only(read(flow_of(UPSTREAMS, method=method)))
    assert (recorded.then.outcome, recorded.then.machine_type) == (None, None)
    assert (recorded.then.digest, recorded.upstream) == (D, D)
    unknown = decided(Outcome.UNKNOWN_CLIENT, metahub_machine_type="")
    recorded = only(read(flow_of(UPSTREAMS, method=method, **unknown)))
    assert (recorded.then.outcome, recorded.then.machine_type) == (Outcome.UNKNOWN_CLIENT, "")


def test_an_index_that_a_person_has_edited_is_not_upstreams() -> None:
    """Mitmproxy keeps what was before an edit in the same place."""
    edited = flow_of(OURS, **decided())
    edited.backup()
    recording = read(edited)
    assert only(recording).upstream == D
    assert recording.index(D) is None


@pytest.mark.parametrize(
    ("made", "outcome", "is_index"),
    [
        (flow_of(b"{}", OCI_MANIFEST), Outcome.NOT_AN_INDEX, False),
        (flow_of(b"{}", OCI_MANIFEST, method="HEAD"), Outcome.NOT_AN_INDEX, False),
        (flow_of(b"<html>", "text/html"), None, True),
        (flow_of(b"{", OCI_INDEX, **decided(Outcome.FAILED)), Outcome.FAILED, True),
        (flow_of(b"{", OCI_INDEX, **decided()), Outcome.REWRITTEN, True),
        (flow_of(b"", **decided(metahub_outcome="rewriten")), None, True),
    ],
    ids=["manifest", "head", "page", "failed", "malformed", "no outcome"],
)
def test_what_is_no_index(made: http.HTTPFlow, outcome: Outcome | None, *, is_index: bool) -> None:
    """Nothing is made of it."""
    recorded = only(read(made))
    assert (recorded.then.outcome, recorded.is_index) == (outcome, is_index)
    assert recorded.then.kept is None


@pytest.mark.parametrize(
    ("status", "outcome"), [(404, Outcome.UPSTREAM_ERROR), (None, Outcome.FAILED)]
)
def test_no_answer(status: int | None, outcome: Outcome) -> None:
    """Upstream's error; and nothing at all."""
    made = flow_of(b"")
    made.response = http.Response.make(status, b"no") if status else None
    recorded = only(read(made))
    assert (recorded.then.outcome, recorded.then.digest) == (outcome, None)
    assert recorded.upstream is None


@pytest.mark.parametrize(
    "made",
    [
        tflow.ttcpflow(),
        flow_of(b"", url="https://registry-1.docker.io/v2/"),
        flow_of(b"", method="PUT"),
        flow_of(UPSTREAMS, url="https://elsewhere.test/v2/qnib/bench/manifests/latest"),
        flow_of(UPSTREAMS, metahub_client="nobody"),
    ],
    ids=["tcp", "ping", "push", "elsewhere", "nobody"],
)
def test_others_are_counted(made: flow.Flow) -> None:
    """What asks for no manifest, or of no registry, or without anybody."""
    recording = read(made, flow_of(UPSTREAMS))
    assert (recording.flows, recording.others) == (2, 1)
    assert only(recording).upstream == D


def test_a_registry_that_is_none_any_more() -> None:
    """What was decided on is an image still."""
    made = flow_of(OURS, before=UPSTREAMS, **decided())
    assert only(read(made, registries=Registries([]))).image == ImageName("docker.io", "qnib/bench")


@pytest.mark.parametrize(
    ("login", "client"),
    [
        (("qnib-type1", "secret"), "qnib-type1 at 127.0.0.1"),
        (("", "secret"), "127.0.0.1"),
        ((b"qnib-type1", "secret"), "127.0.0.1"),
        ("qnib-type1", "127.0.0.1"),
        (None, "127.0.0.1"),
    ],
)
def test_a_login_at_somebody_elses_proxy(login: object, client: str) -> None:
    """Mitmproxy's own addon keeps user and password with each flow; only the user comes out."""
    recording = read(flow_of(UPSTREAMS, proxyauth=login))
    assert str(only(recording).client) == client
    assert "secret" not in repr(recording)


def test_a_client_without_an_address() -> None:
    """Nobody knows whose it is."""
    made = flow_of(UPSTREAMS)
    made.client_conn.peername = ("/run/proxy.sock", 0)
    assert read(made).others == 1


def test_a_redirected_client_says_whom_it_wants() -> None:
    """In its TLS, or in its headers: the address that it was connected to says nothing."""
    made = flow_of(UPSTREAMS, url="https://192.0.2.1:5000/v2/qnib/bench/manifests/latest")
    made.request.headers["Host"] = "registry.test:5000"
    assert read(made).others == 1
    made.client_conn.proxy_mode = mode_specs.ProxyMode.parse("transparent")
    made.client_conn.sni = None
    assert only(read(made)).image.registry == "registry.test:5000"
    made.request.headers["Host"] = "elsewhere.test"
    made.client_conn.sni = "registry.test"
    assert only(read(made)).image.registry == "registry.test:5000"


def test_programs_are_known_without_their_versions() -> None:
    """Those that the options exempt are named so."""
    made = flow_of(UPSTREAMS)
    made.request.headers["User-Agent"] = "docker/27.1 go/1.22 (upstream-client)"
    assert only(read(made)).programs == {"docker", "go"}


def test_what_is_said_twice_is_held_once() -> None:
    """A file may hold the pulls of a thousand nodes."""
    recording = read(*[flow_of(OURS, before=UPSTREAMS, **decided()) for _ in range(5)])
    assert recording.requests()[only(recording)] == 5


def test_a_damaged_file_is_read_as_far_as_it_goes() -> None:
    """Whatever byte of it is another, and wherever it ends."""
    whole = written([flow_of(OURS, before=UPSTREAMS, **decided()) for _ in range(2)])
    for place in range(0, len(whole), 97):
        for other in (b"", b"\0", b"9", b"]", b"\xff"):
            damaged = whole[:place] + other + (whole[place + 1 :] if other else b"")
            try:
                recording = read_recording(io.BytesIO(damaged), REGISTRIES)
            except RecordingError:
                continue
            assert recording.flows in {1, 2} or not damaged
            assert recording.requests().total() + recording.others == recording.flows
