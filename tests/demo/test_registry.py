"""A small OCI registry inside the process."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX
from metahub.demo.address import Login
from metahub.demo.registry import Registry
from metahub.demo.tls import Authority, trusting

HELLO = b"hello"
HELLO_DIGEST = Digest.of(HELLO)
OTHER = Digest.of(b"other")
INDEX = b' {"schemaVersion": 2,\n "manifests": []} '


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def error(self) -> str:
        (error,) = json.loads(self.content)["errors"]
        return f"{error['code']}: {error['message']}"


@dataclass(frozen=True, slots=True)
class Asking:
    registry: Registry
    session: aiohttp.ClientSession

    async def __call__(
        self, method: str, path: str, content: bytes | None = None, **headers: str
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, path, data=content, headers=named) as response:
            return Answer(response.status, response.headers, await response.read())


@pytest.fixture
async def ask() -> AsyncIterator[Asking]:
    """Requests to an empty registry, without TLS."""
    async with Registry() as registry, aiohttp.ClientSession(registry.address.url) as session:
        yield Asking(registry, session)


async def test_a_ping_is_answered(ask: Asking) -> None:
    """Docker and podman ask it before anything else."""
    answer = await ask("GET", "/v2/")
    assert (answer.status, answer.content) == (200, b"{}")
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"


async def test_a_manifest_is_kept_byte_for_byte(ask: Asking) -> None:
    """By tag and by digest, with its media type; HEAD and GET agree."""
    pushed = await ask("PUT", "/v2/a/b/manifests/latest", INDEX, Content_Type=OCI_INDEX)
    digest = str(Digest.of(INDEX))
    assert (pushed.status, pushed.headers["Location"]) == (201, f"/v2/a/b/manifests/{digest}")
    for reference in ("latest", digest):
        head = await ask("HEAD", f"/v2/a/b/manifests/{reference}")
        get = await ask("GET", f"/v2/a/b/manifests/{reference}")
        assert (head.status, head.content) == (200, b"")
        assert (get.status, get.content) == (200, INDEX)
        for answer in (head, get):
            assert answer.headers["Docker-Content-Digest"] == digest
            assert answer.headers["Content-Length"] == str(len(INDEX))
            assert answer.headers["Content-Type"] == OCI_INDEX


async def test_a_tag_moves_and_the_old_manifest_stays(ask: Asking) -> None:
    """As in any registry."""
    await ask("PUT", "/v2/a/manifests/latest", INDEX, Content_Type=OCI_INDEX)
    await ask("PUT", "/v2/a/manifests/latest", b"{}", Content_Type=OCI_INDEX)
    assert (await ask("GET", "/v2/a/manifests/latest")).content == b"{}"
    assert (await ask("GET", f"/v2/a/manifests/{Digest.of(INDEX)}")).content == INDEX
    assert json.loads((await ask("GET", "/v2/a/tags/list")).content) == {
        "name": "a",
        "tags": ["latest"],
    }


async def test_a_manifest_may_have_a_digest_of_another_algorithm(ask: Asking) -> None:
    """The one that it was pushed under."""
    digest = f"sha512:{hashlib.sha512(INDEX).hexdigest()}"
    pushed = await ask("PUT", f"/v2/a/manifests/{digest}", INDEX, Content_Type=OCI_INDEX)
    assert (pushed.status, pushed.headers["Docker-Content-Digest"]) == (201, digest)
    assert (await ask("GET", f"/v2/a/manifests/{digest}")).content == INDEX


@pytest.mark.parametrize("condition", [f'"{Digest.of(INDEX)}"', f'W/"{Digest.of(INDEX)}"', "*"])
async def test_a_client_that_has_a_manifest_is_told_so(ask: Asking, condition: str) -> None:
    """ETag and If-None-Match, as docker-registry does them."""
    await ask("PUT", "/v2/a/manifests/latest", INDEX, Content_Type=OCI_INDEX)
    answer = await ask("GET", "/v2/a/manifests/latest", If_None_Match=condition)
    assert (answer.status, answer.content) == (304, b"")
    answer = await ask("GET", "/v2/a/manifests/latest", If_None_Match='"other"')
    assert (answer.status, answer.content) == (200, INDEX)


async def test_a_blob_comes_in_one_put(ask: Asking) -> None:
    """POST for a place, PUT for the content: what most clients do."""
    begun = await ask("POST", "/v2/a/blobs/uploads/")
    assert begun.status == 202
    place = begun.headers["Location"]
    ended = await ask("PUT", f"{place}?digest={HELLO_DIGEST}", HELLO)
    assert (ended.status, ended.headers["Location"]) == (201, f"/v2/a/blobs/{HELLO_DIGEST}")
    await assert_has_hello(ask)


async def test_a_blob_comes_in_one_post(ask: Asking) -> None:
    """The spec's shortest way."""
    ended = await ask("POST", f"/v2/a/blobs/uploads/?digest={HELLO_DIGEST}", HELLO)
    assert (ended.status, ended.headers["Docker-Content-Digest"]) == (201, str(HELLO_DIGEST))
    await assert_has_hello(ask)


async def test_a_blob_comes_in_chunks(ask: Asking) -> None:
    """Each says where it starts; the place says how much has arrived."""
    place = (await ask("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    first = await ask("PATCH", place, b"he", Content_Range="0-1")
    assert (first.status, first.headers["Range"]) == (202, "0-1")
    await ask("PATCH", place, b"ll", Content_Range="2-3")
    assert (await ask("GET", place)).status == 204
    assert (await ask("GET", place)).headers["Range"] == "0-3"
    ended = await ask("PUT", f"{place}?digest={HELLO_DIGEST}", b"o", Content_Range="4-4")
    assert ended.status == 201
    await assert_has_hello(ask)


async def assert_has_hello(ask: Asking) -> None:
    """HEAD and GET agree on the blob."""
    head = await ask("HEAD", f"/v2/a/blobs/{HELLO_DIGEST}")
    get = await ask("GET", f"/v2/a/blobs/{HELLO_DIGEST}")
    assert (head.status, get.status, get.content) == (200, 200, HELLO)
    assert head.headers["Content-Length"] == get.headers["Content-Length"] == "5"
    assert head.headers["Docker-Content-Digest"] == str(HELLO_DIGEST)


async def test_a_chunk_out_of_order_is_refused(ask: Asking) -> None:
    """And what has arrived stays."""
    place = (await ask("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    await ask("PATCH", place, b"he", Content_Range="0-1")
    refused = await ask("PATCH", place, b"o", Content_Range="4-4")
    assert refused.status == 416
    assert refused.error == "BLOB_UPLOAD_INVALID: expected a chunk from 2 on"
    assert (await ask("GET", place)).headers["Range"] == "0-1"


async def test_a_cancelled_upload_is_gone(ask: Asking) -> None:
    """So is one that has ended."""
    place = (await ask("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    assert (await ask("DELETE", place)).status == 204
    assert (await ask("PATCH", place, HELLO)).error.startswith("BLOB_UPLOAD_UNKNOWN: ")
    assert (await ask("DELETE", place)).error.startswith("BLOB_UPLOAD_UNKNOWN: ")


@pytest.mark.parametrize(
    ("asked", "status", "error"),
    [
        ("GET /v2/no/manifests/1", 404, "NAME_UNKNOWN: no repository no"),
        ("GET /v2/no/tags/list", 404, "NAME_UNKNOWN: no repository no"),
        ("GET /v2/A/manifests/1", 404, "NAME_UNKNOWN: no such path: /v2/A/manifests/1"),
        ("GET /", 404, "NAME_UNKNOWN: no such path: /"),
        ("GET /v2/a/manifests/no", 404, "MANIFEST_UNKNOWN: no manifest no"),
        (f"GET /v2/a/manifests/{OTHER}", 404, f"MANIFEST_UNKNOWN: no manifest {OTHER}"),
        ("GET /v2/a/manifests/.no", 404, "MANIFEST_UNKNOWN: expected a tag, found '.no'"),
        (f"GET /v2/a/blobs/{OTHER}", 404, f"BLOB_UNKNOWN: no blob {OTHER}"),
        ("PATCH /v2/a/blobs/uploads/no", 404, "BLOB_UPLOAD_UNKNOWN: no upload no"),
        (f"PUT /v2/a/manifests/{OTHER}", 400, f"DIGEST_INVALID: the content is not {OTHER}"),
        (
            f"POST /v2/a/blobs/uploads/?digest={OTHER}",
            400,
            f"DIGEST_INVALID: the content is not {OTHER}",
        ),
        (
            "GET /v2/a/manifests/md5:aa",
            400,
            "DIGEST_INVALID: expected a digest like sha256:<64 hex digits>, found 'md5:aa'",
        ),
        ("DELETE /v2/a/manifests/latest", 405, "UNSUPPORTED: no DELETE here"),
    ],
)
async def test_what_cannot_be_had_is_refused(
    ask: Asking, asked: str, status: int, error: str
) -> None:
    """In the spec's words."""
    await ask("PUT", "/v2/a/manifests/latest", INDEX, Content_Type=OCI_INDEX)
    method, path = asked.split()
    answer = await ask(method, path, Content_Type="text/plain")
    assert (answer.status, answer.error) == (status, error)
    assert answer.headers["Content-Type"] == "application/json"


async def test_a_manifest_without_a_media_type_is_refused(ask: Asking) -> None:
    """Nobody could say later what it is."""
    async with ask.session.put(
        "/v2/a/manifests/1", data=INDEX, skip_auto_headers=["Content-Type"]
    ) as response:
        assert response.status == 400


async def test_with_a_login_everything_needs_it() -> None:
    """Without it: 401 and a challenge."""
    login, wrong = Login("tim", "taler"), Login("tim", "wrong")
    async with (
        Registry(login=login) as registry,
        aiohttp.ClientSession(registry.address.url) as session,
    ):
        ask = Asking(registry, session)
        for refused in (
            await ask("GET", "/v2/"),
            await ask("GET", "/", Authorization=wrong.header),
        ):
            assert refused.status == 401
            assert refused.error == "UNAUTHORIZED: authentication required"
            assert refused.headers["WWW-Authenticate"] == 'Basic realm="metahub demo"'
        assert (await ask("GET", "/v2/", Authorization=login.header)).status == 200


async def test_it_speaks_tls(tmp_path: Path) -> None:
    """To those who trust its authority, under the name that it got."""
    authority = Authority.create("test")
    pair = authority.issue(tmp_path, "localhost")
    trust = trusting(authority.write(tmp_path / "ca.pem"))
    async with (
        Registry(pair.server_context(), host="localhost") as registry,
        aiohttp.ClientSession(registry.address.url) as session,
        session.get("/v2/", ssl=trust) as response,
    ):
        assert registry.address.url.startswith("https://localhost:")
        assert response.status == 200


async def test_it_records_what_was_asked(ask: Asking) -> None:
    """Every request with its status, refused ones too; credentials do not print."""
    await ask("GET", "/v2/")
    await ask("HEAD", "/v2/no/manifests/a%2Fb?ns=x", Authorization="Basic secret")
    first, second = ask.registry.requests
    assert (first.method, first.path, first.status) == ("GET", "/v2/", 200)
    assert (second.method, second.path) == ("HEAD", "/v2/no/manifests/a%2Fb?ns=x")
    assert (second.status, second.headers["Authorization"]) == (404, "Basic secret")
    assert "secret" not in repr(second)
    assert (ask.registry.count("GET", "/v2/"), ask.registry.count("HEAD", "/v2/")) == (1, 0)
