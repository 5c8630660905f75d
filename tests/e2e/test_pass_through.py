"""What upstream says and is no index reaches the client as it came."""

import http.client
import json
import ssl
from dataclasses import replace

import pytest

from metahub.demo.bench import GENERIC, TAG
from metahub.demo.images import DOCKER, OCI, image_of
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import Answer, Wire
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of
from tests.e2e.upstreams.odd_registry import PIECE, OddRegistry, Reply
from tests.e2e.upstreams.trust import Trust

JSON = "application/json; charset=utf-8"
# RFC 9110, 7.6.1, and what names the moment or the program rather than the answer
OF_THE_WAY = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})


def error(code: str, **more: object) -> bytes:
    """The body of an error as registries write it."""
    return json.dumps({"errors": [{"code": code, "message": "upstream's words"} | more]}).encode()


def manifest(media_type: str, content: bytes, digest: object) -> Reply:
    """A manifest as registries serve it."""
    headers = {
        "Content-Type": media_type,
        "Docker-Content-Digest": str(digest),
        "ETag": f'"{digest}"',
        "Docker-Distribution-Api-Version": "registry/2.0",
    }
    return Reply(content, headers)


PLAIN = {
    name: manifest(image.manifest.media_type, image.manifest.content, image.manifest.digest)
    for name, image in (("oci", image_of(GENERIC, OCI)), ("docker", image_of(GENERIC, DOCKER)))
}
CHALLENGE = 'Bearer realm="https://auth.test/token",service="reg.test",scope="repository:x:pull"'
QUOTA = {
    "Content-Type": JSON,
    "Retry-After": "42",
    "RateLimit-Limit": "100;w=21600",
    "RateLimit-Remaining": "0;w=21600",
    "Docker-RateLimit-Source": "192.0.2.1",
}
REPLIES = {
    "manifest-oci": PLAIN["oci"],
    "manifest-docker": PLAIN["docker"],
    "404": Reply(error("MANIFEST_UNKNOWN", detail={"Tag": TAG}), {"Content-Type": JSON}, 404),
    "404-bare": Reply(b"", {}, 404),
    "401": Reply(error("UNAUTHORIZED"), {"Content-Type": JSON, "WWW-Authenticate": CHALLENGE}, 401),
    "403": Reply(error("DENIED"), {"Content-Type": JSON}, 403, reason="Not For You"),
    "429": Reply(error("TOOMANYREQUESTS"), QUOTA, 429, reason="Slow Down"),
    "500": Reply(b"<h1>oh no</h1>", {"Content-Type": "text/html"}, 500),
    "503": Reply(b"", {"Retry-After": "7"}, 503),
}
REFERENCES = pytest.mark.parametrize(
    "reference", [TAG, f"sha256:{'0' * 64}"], ids=["tag", "digest"]
)
METHODS = pytest.mark.parametrize("method", ["HEAD", "GET"])


@REFERENCES
@METHODS
@pytest.mark.parametrize("name", REPLIES)
def test_an_answer_that_is_no_index_arrives_as_it_came(
    name: str, method: str, reference: str, odd_proxy: Proxy, odd: OddRegistry, trust: Trust
) -> None:
    """Status, reason phrase, headers and body are what the client gets without MetaHub."""
    repository = f"qnib/answers-{name}"
    odd[f"/v2/{repository}/manifests/{reference}"] = REPLIES[name]
    direct = Asker(Wire(odd.address, trust.authority), repository).ask(method, reference)
    through = Asker.through(odd_proxy, odd.address, TYPE1, repository).ask(method, reference)
    assert _of_the_answer(through) == _of_the_answer(direct)


@REFERENCES
@METHODS
@pytest.mark.parametrize("cut_after", [0, 100])
def test_a_connection_that_upstream_cuts_is_no_answer(
    cut_after: int, method: str, reference: str, odd_proxy: Proxy, odd: OddRegistry
) -> None:
    """The client gets an error, or its own connection is cut: never half a manifest as a whole."""
    repository = f"qnib/cut-after-{cut_after}"
    reply = replace(PLAIN["oci"], cut_after=cut_after)
    odd[f"/v2/{repository}/manifests/{reference}"] = reply
    asker = Asker.through(odd_proxy, odd.address, TYPE1, repository)
    if method == "HEAD" and cut_after:
        assert asker.ask(method, reference).status == 200  # nothing of it was cut
    else:
        assert _cut_or_status(asker, method, reference) in {"cut", 502}


def test_a_blob_that_upstream_cuts_is_cut(odd_proxy: Proxy, odd: OddRegistry) -> None:
    """What had come has come; the rest is missing and the client knows."""
    path = f"/v2/qnib/cut/blobs/sha256:{'0' * 64}"
    odd[path] = Reply(bytes(4 * PIECE), cut_after=2 * PIECE)
    with pytest.raises((http.client.IncompleteRead, OSError)):
        odd_proxy.wire(odd.address, login_of(TYPE1)).ask("GET", path)


def _cut_or_status(asker: Asker, method: str, reference: str) -> str | int:
    try:
        return asker.ask(method, reference).status
    except (http.client.IncompleteRead, http.client.RemoteDisconnected, ssl.SSLError):
        return "cut"


def _of_the_answer(answer: Answer) -> tuple[object, ...]:
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_WAY}
    return answer.status, answer.reason, headers, answer.body
