"""Upstreams and clients that send nonsense: never a traceback, never a hang, always the policy."""

import json

import pytest

from metahub.core.distribution import OCI_INDEX
from metahub.demo.bench import BROADWELL, TAG, qnib_bench
from metahub.demo.images import Blob, image_of
from tests.e2e.asking.asker import Asker, digest_of, message_of
from tests.e2e.asking.wire import Wire
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import Trust

DEPTH = 10_000
TOO_LONG = 5 * 1024 * 1024

ENTRY = image_of(BROADWELL).manifest.descriptor | {"platform": BROADWELL.platform}
INDEX = qnib_bench().index


def index(**changed: object) -> bytes:
    """An index of one entry with some of its fields changed."""
    whole = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [ENTRY]}
    return json.dumps(whole | changed).encode()


def entry(**changed: object) -> bytes:
    """An index whose entry has some of its fields changed."""
    return index(manifests=[ENTRY | changed])


BAD = {
    "not-json": b"<html>upstream is down for maintenance</html>",
    "empty": b"",
    "half": INDEX.content[: len(INDEX.content) // 2],
    "not-utf-8": b"\xff\xfe" + INDEX.content,
    "list": b"[]",
    "text": b'"index"',
    "null": b"null",
    "manifests-missing": json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX}).encode(),
    "manifests-object": index(manifests={}),
    "manifests-text": index(manifests="sha256"),
    "entry-number": index(manifests=[1]),
    "entry-null": index(manifests=[None]),
    "digest-number": entry(digest=7),
    "digest-hostile": entry(digest="sha256:../../../etc/passwd"),
    "size-text": entry(size="many"),
    "platform-list": entry(platform=["linux", "amd64"]),
    "os-number": entry(platform={"os": 1, "architecture": "amd64"}),
    "features-text": entry(platform=BROADWELL.platform | {"features": "cpu:broadwell"}),
    "features-numbers": entry(platform=BROADWELL.platform | {"features": [1, {}]}),
    "annotations-list": entry(annotations=["org.metahub.features"]),
    "nested": b"[" * DEPTH + b"]" * DEPTH,
    "nested-inside": index(annotations="@").replace(b'"@"', b"[" * DEPTH + b"]" * DEPTH),
    "too-long": index(annotations={"org.example.filling": "x" * TOO_LONG}),
}
BAD_INDEXES = pytest.mark.parametrize("name", BAD)


@pytest.fixture(scope="module")
def refusing(serve_all: Serve, odd: OddRegistry) -> Proxy:
    """A proxy that refuses what it cannot read."""
    return serve_all(table(odd.address), metahub_on_error="refuse")


@pytest.fixture(scope="module")
def passing(serve_all: Serve, odd: OddRegistry) -> Proxy:
    """A proxy that passes on what it cannot read."""
    return serve_all(table(odd.address), metahub_on_error="pass")


@BAD_INDEXES
def test_a_bad_index_is_refused_where_the_policy_says_so(
    name: str, refusing: Proxy, odd: OddRegistry
) -> None:
    """403 on HEAD and GET, one sentence that names the image, and the same in the log."""
    repository = f"bad/{name}"
    odd.offer(repository, TAG, Blob(OCI_INDEX, BAD[name]))
    asker = Asker.through(refusing, odd.address, TYPE1, repository)
    head, answer = asker.head(TAG), asker.get(TAG)
    assert (head.status, answer.status) == (403, 403)
    assert message_of(answer).startswith(f"MetaHub: {odd.address}/{repository}")
    assert head.reason == answer.reason
    assert f"{odd.address}/{repository}" in refusing.said()


@BAD_INDEXES
def test_a_bad_index_is_passed_on_where_the_policy_says_so(
    name: str, passing: Proxy, odd: OddRegistry
) -> None:
    """Byte for byte, and the log says so."""
    repository = f"bad/{name}"
    odd.offer(repository, TAG, Blob(OCI_INDEX, BAD[name]))
    asker = Asker.through(passing, odd.address, TYPE1, repository)
    answer = asker.get(TAG)
    assert (answer.status, answer.body) == (200, BAD[name])
    assert asker.digest(TAG) == digest_of(answer)
    assert f"{odd.address}/{repository}" in passing.said()


HOSTILE_DIGESTS = {
    "short": "sha256:",
    "no-hex": "sha256:zz",
    "path": "../../etc/passwd",
    "markup": "<script>alert(1)</script>",
    "long": "sha256:" + "0" * 4000,
    "longer-than-a-header-may-be": "sha256:" + "0" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE_DIGESTS)
def test_a_hostile_digest_header_is_no_digest(name: str, refusing: Proxy, odd: OddRegistry) -> None:
    """One sentence, on HEAD as on GET, and nothing is kept under such a name."""
    repository = f"bad/digest-{name}"
    headers = {"Content-Type": OCI_INDEX, "Docker-Content-Digest": HOSTILE_DIGESTS[name]}
    odd[f"/v2/{repository}/manifests/{TAG}"] = Reply(INDEX.content, headers)
    asker = Asker.through(refusing, odd.address, TYPE1, repository)
    for answer in (asker.head(TAG), asker.get(TAG)):
        assert answer.status in {403, 502}
        assert answer.reason.startswith("MetaHub: ")


def test_a_body_that_is_not_the_promised_digest_is_refused(
    refusing: Proxy, odd: OddRegistry
) -> None:
    """A HEAD and a GET that contradict each other are upstream's mistake, not an answer."""
    repository, promised = "bad/promise", image_of(BROADWELL).manifest.digest
    headers = {"Content-Type": OCI_INDEX, "Docker-Content-Digest": str(promised)}
    for reference in (TAG, promised):
        odd[f"/v2/{repository}/manifests/{reference}"] = Reply(INDEX.content, headers)
    asker = Asker.through(refusing, odd.address, TYPE1, repository)
    answers = [asker.head(TAG), asker.get(TAG)]
    assert [answer.status for answer in answers] == [403, 403]


HOSTILE_PATHS = (
    "/v2/../../etc/passwd/manifests/latest",
    "/v2/%2e%2e/%2e%2e/manifests/latest",
    "/v2/a/manifests/..%2f..%2fblobs",
    "/v2//manifests/latest",
    "//v2//a//manifests//latest",
    "/v2/a/manifests/",
    "/v2/manifests/latest",
    "/v2/A/manifests/latest",
    "/v2/a/manifests/%00",
    "/v2/a/manifests/latest%0d%0aX-Injected:%201",
    "/v2/a/manifests/sha256:",
    "/v2/a/manifests/sha256:zz",
    f"/v2/a/manifests/sha256:{'0' * 63}",
    f"/v2/a/manifests/sha256:{'A' * 64}",
    f"/v2/a/manifests/md5:{'0' * 32}",
    f"/v2/a/manifests/sha512:{'0' * 64}",
    f"/v2/a/manifests/{'x' * 4000}",
    f"/v2/{'a/' * 2000}manifests/latest",
    "/v2/a/manifests/latest?x=" + "y" * 2000,
    "/v2/a/manifests/%F0%9F%92%A9",
    "/v2/a'--/manifests/1'%20OR%20'1'='1",
)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_a_hostile_path_is_upstreams_business(
    path: str, method: str, refusing: Proxy, odd: OddRegistry, trust: Trust
) -> None:
    """It arrives there as it was sent, and the client gets what upstream says."""
    direct = Wire(odd.address, trust.authority).ask(method, path)
    through = refusing.wire(odd.address, login_of(TYPE1)).ask(method, path)
    assert (through.status, through.body) == (direct.status, direct.body)
    assert odd.times(method, path) >= 2
