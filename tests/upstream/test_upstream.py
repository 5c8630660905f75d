"""One repository of a registry, asked as a container runtime asks."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from metahub.core.digest import Digest
from metahub.core.distribution import MAX_MANIFEST_BYTES, OCI_INDEX, ImageName, Tag
from metahub.demo.address import Address, free_port
from metahub.demo.images import Blob
from metahub.demo.tls import KeyPair
from metahub.upstream import AuthFiles, Manifest, Route, Upstream, UpstreamError
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.upstream.registries import (
    BASIC,
    SECRETS,
    TOKEN,
    TOKEN_PATH,
    GuardedRegistry,
    auth_file,
    trusted,
)

REPOSITORY = "qnib/bench"
LATEST = Tag("latest")
PATH = f"/v2/{REPOSITORY}/manifests/latest"
INDEX = Blob(OCI_INDEX, b'{"manifests": []}')
FOUND = Manifest(INDEX.media_type, INDEX.content, INDEX.digest)
CREDENTIALS = {"auth": BASIC.split()[1]}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, KeyPair]:
    """An authority, and what it issued."""
    return trusted(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def registry(tls: tuple[Path, KeyPair]) -> Iterator[GuardedRegistry]:
    """A registry with TLS, and an index behind `latest`; it gives a token to everybody."""
    with GuardedRegistry(tls[1].server_context()) as running:
        running.serve_tokens()
        running.offer(REPOSITORY, LATEST, INDEX)
        yield running


@pytest.fixture
def plain() -> Iterator[OddRegistry]:
    """A registry without TLS, that wants nothing."""
    with OddRegistry(None) as running:
        yield running


class Asking:
    """Asks registries that `ca` vouches for."""

    def __init__(self, ca: Path, place: Path) -> None:
        self._ca, self._place = ca, place
        self._files: tuple[Path, ...] = ()

    def log_in(self, registry: OddRegistry, fields: Mapping[str, str]) -> None:
        """Keep a login for a registry."""
        auths = {"auths": {str(registry.address): fields}}
        self._files = (auth_file(self._place, auths),)

    async def __call__(self, address: Address, reference: Tag | Digest = LATEST) -> Manifest | None:
        """What the registry has behind the reference."""
        route = Route(plain_http=address.scheme == "http", ca=self._ca)
        image = ImageName(str(address), REPOSITORY)
        async with Upstream(image, route, AuthFiles(self._files)) as upstream:
            return await upstream.manifest(reference)

    async def refused(self, address: Address, reference: Tag | Digest = LATEST) -> str:
        """Why there is no answer, with the registry's own name for its address."""
        with pytest.raises(UpstreamError) as caught:
            await self(address, reference)
        said = str(caught.value)
        assert not any(secret in said for secret in SECRETS)
        file = str(self._place / "config.json")
        return said.replace(str(address), "REGISTRY").replace(file, "FILE")


@pytest.fixture
def ask(tls: tuple[Path, KeyPair], tmp_path: Path) -> Asking:
    """Asks without a login, until one is kept."""
    return Asking(tls[0], tmp_path)


async def test_a_token_is_fetched_without_a_login(registry: GuardedRegistry, ask: Asking) -> None:
    """As docker does for what everybody may pull."""
    assert await ask(registry.address) == FOUND
    (first, head, get) = registry.asked
    assert (first.method, first.path) == ("GET", TOKEN_PATH)
    assert "authorization" not in first.headers
    assert [(one.method, one.path) for one in (head, get)] == [("HEAD", PATH), ("GET", PATH)]
    assert head.headers["user-agent"].startswith("metahub/")
    assert "application/vnd.oci.image.index.v1+json" in get.headers["accept"]


async def test_a_login_is_shown_to_the_token_service(
    registry: GuardedRegistry, ask: Asking
) -> None:
    """And the registry gets the token."""
    ask.log_in(registry, CREDENTIALS)
    assert await ask(registry.address) == FOUND
    assert registry.asked[0].headers["authorization"] == BASIC
    assert registry.asked[1].headers["authorization"] == f"Bearer {TOKEN}"


async def test_the_service_may_call_it_an_access_token(
    registry: GuardedRegistry, ask: Asking
) -> None:
    """OAuth2 has another name for it."""
    registry.serve_tokens(access_token=TOKEN)
    assert await ask(registry.address) == FOUND


async def test_an_identity_token_is_posted(registry: GuardedRegistry, ask: Asking) -> None:
    """It is no password, and in no URL."""
    ask.log_in(registry, {"identitytoken": "refresh"})
    assert await ask(registry.address) == FOUND
    posted = registry.asked[0]
    assert (posted.method, posted.path) == ("POST", "/token")
    assert posted.length > 0


async def test_the_scope_of_the_challenge_is_asked_for(
    registry: GuardedRegistry, ask: Asking
) -> None:
    """It is the registry's to say; a user in the realm is not."""
    realm = registry.address.url.replace("https://", "https://evil@")
    registry.guard(f'Bearer realm="{realm}/token",scope="a:b:c"')
    registry["/token?scope=a:b:c"] = Reply(json.dumps({"token": TOKEN}).encode())
    assert await ask(registry.address) == FOUND
    assert "authorization" not in registry.asked[0].headers


async def test_a_login_may_be_shown_to_the_registry(registry: GuardedRegistry, ask: Asking) -> None:
    """Where it wants no token. It is shown when it is asked for, and not before."""
    registry.guard('Basic realm="x"', BASIC)
    ask.log_in(registry, CREDENTIALS)
    assert await ask(registry.address) == FOUND
    assert [asked.headers["authorization"] for asked in registry.asked] == [BASIC, BASIC]


async def test_who_wants_no_login_is_shown_none(plain: OddRegistry, ask: Asking) -> None:
    """However well we are known there."""
    plain.offer(REPOSITORY, LATEST, INDEX)
    ask.log_in(plain, CREDENTIALS)
    assert await ask(plain.address) == FOUND
    assert not any("authorization" in asked.headers for asked in plain.asked)


async def test_what_is_asked_for_again_is_remembered(plain: OddRegistry) -> None:
    """What is not there as well."""
    plain.offer(REPOSITORY, LATEST, INDEX)
    image, route = ImageName(str(plain.address), REPOSITORY), Route(plain_http=True)
    async with Upstream(image, route, AuthFiles()) as upstream:
        for _ in range(3):
            assert await upstream.manifest(LATEST) == FOUND
            assert await upstream.manifest(Tag("nothing")) is None
        assert (upstream.host, upstream.port) == ("localhost", plain.address.port)
    assert len(plain.asked) == 3


async def test_a_registry_may_know_no_head(plain: OddRegistry, ask: Asking) -> None:
    """Then the GET alone tells."""
    plain.offer(REPOSITORY, LATEST, INDEX)
    plain["HEAD", PATH] = Reply(status=405)
    assert await ask(plain.address) == FOUND
    plain["GET", PATH] = Reply(status=404)
    assert await ask(plain.address) is None


async def test_a_redirect_is_followed_without_the_token(
    registry: GuardedRegistry, plain: OddRegistry, tls: tuple[Path, KeyPair], ask: Asking
) -> None:
    """To another host it is not shown; to its own it is."""
    with OddRegistry(tls[1].server_context(), "127.0.0.1") as other:
        other["/elsewhere"] = Reply(INDEX.content, {"Content-Type": OCI_INDEX})
        registry["/here"] = Reply(
            status=302, headers={"Location": f"{other.address.url}/elsewhere"}
        )
        registry[PATH] = Reply(status=307, headers={"Location": "/here"})
        assert await ask(registry.address) == FOUND
        assert all("authorization" in asked.headers for asked in registry.asked[1:])
        assert [asked.path for asked in other.asked] == ["/elsewhere", "/elsewhere"]
        assert not any("authorization" in asked.headers for asked in other.asked)


async def test_a_login_is_kept_from_where_a_redirect_leads(plain: OddRegistry, ask: Asking) -> None:
    """Whatever is asked for there."""
    with OddRegistry(None, "127.0.0.1") as other:
        plain[PATH] = Reply(status=302, headers={"Location": f"{other.address.url}/elsewhere"})
        wants = {"WWW-Authenticate": f'Bearer realm="{other.address.url}/token"'}
        other["/elsewhere"] = Reply(status=401, headers=wants)
        ask.log_in(plain, CREDENTIALS)
        assert (await ask.refused(plain.address)).startswith("REGISTRY answers 401 Unauthorized")
        assert [asked.path for asked in other.asked] == ["/elsewhere"]


@pytest.mark.parametrize("location", ["", "http://localhost/", "ftp://x/", "https://[", "loop"])
async def test_a_redirect_to_nowhere_is_not_followed(
    registry: GuardedRegistry, ask: Asking, location: str
) -> None:
    """From HTTPS to HTTP neither, nor for ever."""
    registry[PATH] = Reply(
        status=307, headers={"Location": PATH if location == "loop" else location}
    )
    assert await ask.refused(registry.address) == "REGISTRY answers 307 Temporary Redirect"


async def test_a_digest_gives_what_it_names(plain: OddRegistry, ask: Asking) -> None:
    """And a tag what upstream says that it gives."""
    plain.offer(REPOSITORY, LATEST, INDEX)
    assert await ask(plain.address, INDEX.digest) == FOUND
    other = Digest.of(b"other")
    plain[f"/v2/{REPOSITORY}/manifests/{other}"] = Reply(INDEX.content)
    said = f"what came for {other} is {INDEX.digest}"
    assert await ask.refused(plain.address, other) == said
    plain[PATH] = Reply(INDEX.content, {"Docker-Content-Digest": str(other)})
    assert await ask.refused(plain.address) == said
    plain[PATH] = Reply(INDEX.content, {"Docker-Content-Digest": "x"})
    assert (await ask.refused(plain.address)).startswith("Docker-Content-Digest: expected a digest")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            401,
            "REGISTRY answers 401 Unauthorized: there is no such image, or it wants a login (docker"
            " login REGISTRY)",
        ),
        (
            403,
            "REGISTRY answers 403 Forbidden: there is no such image, or it wants a login (docker"
            " login REGISTRY)",
        ),
        (429, "REGISTRY answers 429 Too Many Requests"),
        (500, "REGISTRY answers 500 Internal Server Error"),
        (599, "REGISTRY answers 599"),
    ],
)
async def test_a_no_is_one_sentence(
    plain: OddRegistry, ask: Asking, status: int, said: str
) -> None:
    """In words of the specs, whatever upstream says."""
    plain[PATH] = Reply(status=status, reason=TOKEN)
    assert await ask.refused(plain.address) == said


async def test_a_login_that_is_not_taken_is_named(registry: GuardedRegistry, ask: Asking) -> None:
    """By the file that it is from."""
    registry.guard("Basic", "another")
    ask.log_in(registry, CREDENTIALS)
    said = "REGISTRY answers 401 Unauthorized to the login from FILE"
    assert await ask.refused(registry.address) == said
    registry.serve_tokens()
    registry[TOKEN_PATH] = Reply(status=401)
    said = "the token service localhost does not take the login from FILE (401 Unauthorized)"
    assert await ask.refused(registry.address) == said


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=403), "does not take to be asked without a login (403 Forbidden)"),
        (Reply(status=404), "answers 404 Not Found"),
        (Reply(b"{}"), "answers without a token"),
        (Reply(b"[]"), "answers without a token"),
        (Reply(b"{"), "answers without a token"),
        (Reply(b'{"token": 5}'), "answers without a token"),
        (Reply(b'{"token": "a\\nb: c"}'), "answers without a token"),
        (Reply(b"[" * 100_000), "answers without a token"),
    ],
)
async def test_a_token_service_that_gives_none_is_told(
    registry: GuardedRegistry, ask: Asking, reply: Reply, said: str
) -> None:
    """With its name, and what it answers."""
    registry[TOKEN_PATH] = reply
    assert await ask.refused(registry.address) == f"the token service localhost {said}"


@pytest.mark.parametrize("realm", ["http://localhost/token", "/token", "", "https://[", "file:///"])
async def test_a_login_goes_over_tls_only(
    registry: GuardedRegistry, ask: Asking, realm: str
) -> None:
    """Whatever the registry names."""
    registry.guard(f'Bearer realm="{realm}"')
    ask.log_in(registry, CREDENTIALS)
    said = "the registry names no token service with HTTPS"
    assert await ask.refused(registry.address) == said


@pytest.mark.parametrize(
    ("challenge", "login"),
    [("Negotiate", CREDENTIALS), ("Basic", {"identitytoken": "refresh"}), ("Basic", {})],
)
async def test_there_may_be_nothing_to_show(
    registry: GuardedRegistry, ask: Asking, challenge: str, login: dict[str, str]
) -> None:
    """A scheme that is not known, or no login for it."""
    registry.guard(challenge)
    ask.log_in(registry, login)
    assert (await ask.refused(registry.address)).startswith("REGISTRY answers 401 Unauthorized")
    assert registry.asked == []


async def test_what_no_client_takes_is_not_read(plain: OddRegistry, ask: Asking) -> None:
    """However much upstream sends."""
    plain["GET", PATH] = Reply(b" " * (MAX_MANIFEST_BYTES + 1))
    plain["HEAD", PATH] = Reply()
    said = f"REGISTRY answers with more than the {MAX_MANIFEST_BYTES} bytes that clients take"
    assert await ask.refused(plain.address) == said


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(cut_after=0), "the connection ended before an answer"),
        (Reply(b"x" * 100, cut_after=50), "the connection ended within the answer"),
    ],
)
async def test_a_connection_that_ends_is_told(
    plain: OddRegistry, ask: Asking, reply: Reply, said: str
) -> None:
    """With the place where it ends."""
    plain["GET", PATH] = reply
    plain["HEAD", PATH] = Reply()
    assert await ask.refused(plain.address) == f"REGISTRY: {said}"


async def test_who_cannot_be_reached_is_told(
    registry: GuardedRegistry, plain: OddRegistry, ask: Asking
) -> None:
    """With the remedy, where there is one."""
    nobody = Address("localhost", free_port())
    assert await ask.refused(nobody) == "REGISTRY: Connection refused"
    nowhere = Address("no.such.invalid", 443)
    assert await ask.refused(nowhere) == "no.such.invalid: there is no address for this name"
    tls_there = Address("localhost", plain.address.port)
    said = "REGISTRY: it speaks no TLS; --plain-http asks without"
    assert await ask.refused(tls_there) == said
    with pytest.raises(UpstreamError) as caught:
        async with Upstream(
            ImageName(str(registry.address), REPOSITORY), Route(), AuthFiles()
        ) as upstream:
            await upstream.manifest(LATEST)
    said = "its certificate is not to be trusted; --ca FILE names an authority to trust"
    assert str(caught.value) == f"{registry.address}: {said}"


async def test_what_is_not_http_is_told(ask: Asking) -> None:
    """Whatever it is, it is not repeated."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"nothing that you know\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        said = await ask.refused(Address("127.0.0.1", port, "http"))
    assert said == "REGISTRY: what comes is no answer that HTTP knows"


async def test_a_proxy_is_asked_if_it_is_named(
    registry: GuardedRegistry, plain: OddRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the environment may be MetaHub, and is not."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://localhost:1")
    image = ImageName(f"reg.test:{registry.address.port}", REPOSITORY)
    proxy = f"http://user:secret@{plain.address}"
    plain[f"http://{image.registry}{PATH}"] = Reply(INDEX.content, {"Content-Type": OCI_INDEX})
    async with Upstream(image, Route.of(None, proxy, plain_http=True), AuthFiles()) as upstream:
        assert await upstream.manifest(LATEST) == FOUND
    assert "proxy-authorization" in plain.asked[0].headers
    route = Route.of(None, proxy, plain_http=False)
    assert "secret" not in repr(route)
    with pytest.raises(UpstreamError) as caught:
        async with Upstream(image, route, AuthFiles()) as upstream:
            await upstream.manifest(LATEST)
    assert str(caught.value) == f"{image.registry}: the proxy answers 404 to CONNECT"
    route = Route.of(None, f"http://localhost:{free_port()}", plain_http=False)
    with pytest.raises(UpstreamError) as caught:
        async with Upstream(image, route, AuthFiles()) as upstream:
            await upstream.manifest(LATEST)
    assert str(caught.value) == f"{image.registry}: the proxy cannot be reached"


@pytest.mark.parametrize(
    "proxy", ["", "x", "localhost:8080", "socks5://x:1", "http://", "http://x/y"]
)
def test_a_proxy_has_a_url(proxy: str) -> None:
    """What has none is not repeated: it may hold a password."""
    with pytest.raises(UpstreamError) as caught:
        Route.of(None, proxy, plain_http=False)
    assert str(caught.value) == "--proxy: expected a URL like http://proxy.example.com:8080"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read: No such file or directory"), (b"x", "holds no certificate in PEM")],
)
def test_an_authority_has_a_file(tmp_path: Path, content: bytes | None, said: str) -> None:
    """With a certificate in it."""
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_bytes(content)
    with pytest.raises(UpstreamError) as caught:
        Route(ca=ca).trust()
    assert str(caught.value) == f"{ca} {said}"
