"""A small client of registries."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, Tag
from metahub.demo import elf
from metahub.demo.address import Address, Login
from metahub.demo.client import Client, Proxy, Target, TransferError, connected
from metahub.demo.images import (
    DOCKER,
    OCI,
    Blob,
    Build,
    Format,
    index_of,
    program_in,
)
from metahub.demo.registry import Registry
from metahub.demo.repository import Repository
from metahub.demo.tls import Authority, trusting

GENERIC, FAST, ARM = Build("generic"), Build("fast", ("x:y",)), Build("arm", architecture="arm64")
IMAGES = index_of([ARM, GENERIC, FAST])


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    """An empty one, without TLS."""
    async with Registry() as registry:
        yield registry


@pytest.fixture
async def client(registry: Registry) -> AsyncIterator[Client]:
    """A client of one of its repositories."""
    async with connected(registry.address, "a/b") as client:
        yield client


@pytest.mark.parametrize("image_format", [OCI, DOCKER], ids=["oci", "docker"])
@pytest.mark.parametrize(("architecture", "line"), [("amd64", "generic"), ("arm64", "arm")])
async def test_it_pulls_the_first_entry_of_its_platform(
    client: Client, image_format: Format, architecture: str, line: str
) -> None:
    """Features are nothing to it, as they are nothing to any runtime."""
    images = index_of([ARM, GENERIC, FAST], image_format)
    assert await client.push("latest", images) == images.index.digest
    pulled = await client.pull("latest", architecture)
    assert pulled.digest == images.index.digest
    assert pulled.manifest in [image.manifest.digest for image in images.images]
    assert elf.line_of(program_in(pulled.layer)) == line


async def test_it_asks_as_containerd_does(registry: Registry, client: Client) -> None:
    """HEAD by tag, everything else by digest."""
    await client.push("latest", IMAGES)
    registry.requests.clear()
    await client.pull("latest", "amd64")
    image = IMAGES.images[1]
    assert [(asked.method, asked.path) for asked in registry.requests] == [
        ("HEAD", "/v2/a/b/manifests/latest"),
        ("GET", f"/v2/a/b/manifests/{IMAGES.index.digest}"),
        ("GET", f"/v2/a/b/manifests/{image.manifest.digest}"),
        ("GET", f"/v2/a/b/blobs/{image.config.digest}"),
        ("GET", f"/v2/a/b/blobs/{image.layers[0].digest}"),
    ]
    assert {OCI_INDEX, DOCKER_LIST} < set(registry.requests[0].headers["Accept"].split(", "))


async def test_it_takes_a_manifest_where_a_tag_gives_one(
    registry: Registry, client: Client
) -> None:
    """Then there is one digest."""
    await client.push("latest", IMAGES)
    digest = IMAGES.images[2].manifest.digest
    registry.repositories["a/b"].tags[Tag("fast")] = digest
    pulled = await client.pull("fast", "amd64")
    assert (pulled.digest, pulled.manifest) == (digest, digest)
    assert elf.line_of(program_in(pulled.layer)) == "fast"


async def test_it_logs_in(tmp_path: Path) -> None:
    """Without its login it shows what the registry said."""
    login = Login("tim", "taler")
    async with Registry(login=login) as registry:
        async with connected(registry.address, "a/b", login=login) as client:
            await client.push("latest", IMAGES)
            await client.pull("latest", "amd64")
        async with connected(registry.address, "a/b") as client:
            with pytest.raises(TransferError) as caught:
                await client.push("latest", IMAGES)
    assert str(caught.value) == (
        "POST /v2/a/b/blobs/uploads/: expected 202, found 401 Unauthorized "
        '{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}'
    )


def planted(repository: Repository, content: bytes, media_type: str = OCI_INDEX) -> None:
    """Put something behind the tag `bad` that no push would leave there."""
    repository.put_manifest(Tag("bad"), Blob(media_type, content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no json", "is malformed: JSONDecodeError("),
        (b"[]", "is malformed: TypeError("),
        (b"{}", "is malformed: KeyError('manifests')"),
        (b'{"manifests": [{}]}', "is malformed: KeyError('platform')"),
        (b'{"manifests": []}', "the index has no entry for linux/amd64"),
        (
            b'{"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]}',
            "the index has no entry for linux/amd64",
        ),
        (
            b'{"manifests": [{"platform": {"os": "linux", "architecture": "amd64"}, "digest": 1}]}',
            "is malformed: TypeError(",
        ),
    ],
)
async def test_an_index_that_no_runtime_takes_is_an_error(
    registry: Registry, client: Client, content: bytes, message: str
) -> None:
    """The error says what is wrong with it."""
    await client.push("latest", IMAGES)
    planted(registry.repositories["a/b"], content)
    with pytest.raises(TransferError) as caught:
        await client.pull("bad", "amd64")
    assert message in str(caught.value)


async def test_a_manifest_without_exactly_one_layer_is_an_error(
    registry: Registry, client: Client
) -> None:
    """The demo's images have one."""
    await client.push("latest", IMAGES)
    manifest = json.loads(IMAGES.images[0].manifest.content) | {"layers": []}
    planted(registry.repositories["a/b"], json.dumps(manifest).encode(), OCI_MANIFEST)
    with pytest.raises(TransferError, match="is malformed: ValueError"):
        await client.pull("bad", "amd64")


@pytest.mark.parametrize("part", ["index", "manifest", "config", "layer"])
async def test_content_that_is_not_what_was_asked_for_is_an_error(
    registry: Registry, client: Client, part: str
) -> None:
    """Every part is verified."""
    await client.push("latest", IMAGES)
    image = IMAGES.images[1]
    wrong = {
        "index": IMAGES.index,
        "manifest": image.manifest,
        "config": image.config,
        "layer": image.layers[0],
    }[part]
    tampered(registry.repositories["a/b"], wrong)
    with pytest.raises(TransferError) as caught:
        await client.pull("latest", "amd64")
    assert str(caught.value) == f"what came for {wrong.digest} is {Digest.of(b'wrong')}"


def tampered(repository: Repository, blob: Blob) -> None:
    """Let the registry give something else for the digest of a blob."""
    kept = repository.manifests.get(blob.digest)
    if kept is None:
        repository.blobs[blob.digest] = b"wrong"
        return
    repository.manifests[blob.digest] = Tampered(blob.media_type, b"wrong", blob.digest)


@dataclass(frozen=True, slots=True)
class Tampered(Blob):
    pretended: Digest

    @property
    def digest(self) -> Digest:
        return self.pretended


def test_a_size_is_verified_where_it_is_known() -> None:
    """As containerd does."""
    digest = Digest.of(b"hello")
    assert Target(digest).verified(b"hello") == Target(digest, 5).verified(b"hello") == b"hello"
    with pytest.raises(TransferError, match=f"^{digest} has 5 bytes, expected 4$"):
        Target(digest, 4).verified(b"hello")


async def test_a_head_without_a_digest_is_an_error() -> None:
    """Guessing it would be a second request."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response()

    server = web.ServerRunner(web.Server(answer))
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    async with connected(Address("127.0.0.1", server.addresses[0][1], "http"), "a") as client:
        with pytest.raises(TransferError) as caught:
            await client.pull("latest", "amd64")
    await server.cleanup()
    assert str(caught.value) == "HEAD /v2/a/manifests/latest: expected a Docker-Content-Digest"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A proxy that does CONNECT and nothing else, and keeps the heads of the requests."""

    heads: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        host, _, port = head.split()[1].rpartition(":")
        upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, upstream_writer), pump(upstream_reader, writer))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Address]:
        server = await asyncio.start_server(self, "127.0.0.1", 0)
        async with server:
            yield Address("127.0.0.1", server.sockets[0].getsockname()[1], "http")


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until there are no more."""
    while content := await reader.read(65536):
        writer.write(content)
    writer.close()


async def test_it_goes_through_a_proxy(tmp_path: Path) -> None:
    """The proxy sees its own credentials, and never those for the registry."""
    authority = Authority.create("test")
    trust = trusting(authority.write(tmp_path / "ca.pem"))
    tls = authority.issue(tmp_path, "localhost").server_context()
    login, node, tunnel = Login("tim", "taler"), Login("qnib-type1", "secret"), Tunnel()
    async with Registry(tls, login, "localhost") as registry, tunnel.listening() as address:
        proxy = Proxy(address, node)
        async with connected(registry.address, "a", trust, login=login, proxy=proxy) as client:
            await client.push("latest", IMAGES)
    assert tunnel.heads[0].startswith(f"CONNECT {registry.address} HTTP/1.1\r\n")
    assert f"Proxy-Authorization: {node.header}\r\n" in tunnel.heads[0]
    assert not any(login.header in head for head in tunnel.heads)
    assert not any("Proxy-Authorization" in asked.headers for asked in registry.requests)


async def test_a_registry_that_is_not_there_is_an_error() -> None:
    """The error says what was asked for, and why there is no answer."""
    async with connected(Address("127.0.0.1", 1), "a") as client:
        with pytest.raises(TransferError, match=r"^HEAD /v2/a/manifests/1: Cannot connect to host"):
            await client.pull("1", "amd64")


def test_a_proxy_prints_as_in_the_environment_of_a_node() -> None:
    """Whatever the password is made of."""
    address = Address("127.0.0.1", 8080, "http")
    assert Proxy(address, Login("a", "b")).url == "http://a:b@127.0.0.1:8080"
    assert Proxy(address, Login("a", "b@/:")).url == "http://a:b%40%2F%3A@127.0.0.1:8080"
