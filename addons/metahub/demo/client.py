"""A small client of registries: pushes images, and pulls one as a container runtime does.

Knows the order of requests and verifies all that it gets; must not know what anybody expects.
"""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from metahub.core.digest import Digest
from metahub.core.distribution import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    ManifestPath,
    Reference,
    Tag,
    media_type,
)
from metahub.demo.address import Address, Login
from metahub.demo.images import OPERATING_SYSTEM, Blob, IndexedImages

MANIFESTS = {"Accept": ", ".join(sorted(INDEX_TYPES | MANIFEST_TYPES))}
OCTETS = {"Content-Type": "application/octet-stream"}
TIMEOUT = aiohttp.ClientTimeout(total=60)  # seconds for one request
LONGEST_EXCERPT = 300  # characters of an unexpected answer that an error shows


class TransferError(Exception):
    """A registry, or the proxy before it, answered with something that no runtime accepts."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the login that it knows a node by."""

    address: Address
    login: Login

    @property
    def url(self) -> str:
        """What the node has in `HTTPS_PROXY`."""
        address, login = self.address, self.login
        url = URL(address.url).with_user(login.user).with_password(login.password)
        return str(url).removesuffix("/")


@dataclass(frozen=True, slots=True)
class Target:
    """What a descriptor points to; `size` is None where only a digest is known."""

    digest: Digest
    size: int | None = None

    @classmethod
    def of(cls, descriptor: Mapping[str, Any]) -> "Target":
        """The target of a descriptor. Raises KeyError or ValueError for no descriptor."""
        return cls(Digest.parse(descriptor["digest"]), descriptor["size"])

    def verified(self, content: bytes) -> bytes:
        """The content, if it is the target's. Raises TransferError."""
        if not self.digest.verifies(content):
            raise TransferError(f"what came for {self.digest} is {Digest.of(content)}")
        if self.size not in (None, len(content)):
            raise TransferError(f"{self.digest} has {len(content)} bytes, expected {self.size}")
        return content


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull brought: the digests of index and manifest, and the only layer.

    The digests are the same where the tag gave a manifest at once.
    """

    digest: Digest
    manifest: Digest
    layer: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the expected status, read to its end."""

    url: URL
    headers: CIMultiDictProxy[str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Client:
    """One repository of a registry, asked directly or through a proxy.

    Everything here raises TransferError for an answer that is not acceptable.
    """

    session: aiohttp.ClientSession
    repository: str
    login: Login | None = None

    async def push(self, tag: str, images: IndexedImages) -> Digest:
        """Push the images, let the tag point to their index, and give the index's digest."""
        for image in images.images:
            for blob in image.blobs:
                await self._push_blob(blob)
            await self._push_manifest(image.manifest.digest, image.manifest)
        await self._push_manifest(Tag.parse(tag), images.index)
        return images.index.digest

    async def pull(self, tag: str, architecture: str) -> Pulled:
        """Pull a tag for linux and this architecture: HEAD, then everything by digest."""
        digest = await self.resolve(tag)
        top = await self.manifest(Target(digest))
        try:
            return await self._pull(digest, top, architecture)
        except (KeyError, TypeError, ValueError) as error:
            raise TransferError(f"{digest} is malformed: {error!r}") from error

    async def resolve(self, tag: str) -> Digest:
        """The digest that a HEAD gives for a tag."""
        answer = await self._ask("HEAD", self._manifest_path(Tag.parse(tag)), 200, MANIFESTS)
        if "Docker-Content-Digest" not in answer.headers:
            raise TransferError(f"HEAD {answer.url.path}: expected a Docker-Content-Digest")
        return Digest.parse(answer.headers["Docker-Content-Digest"])

    async def manifest(self, target: Target) -> Blob:
        """An index or a manifest, verified."""
        answer = await self._ask("GET", self._manifest_path(target.digest), 200, MANIFESTS)
        content = target.verified(answer.content)
        return Blob(media_type(answer.headers.get("Content-Type", "")), content)

    async def blob(self, target: Target) -> bytes:
        """The content of a blob, verified."""
        answer = await self._ask("GET", self._path(f"blobs/{target.digest}"), 200)
        return target.verified(answer.content)

    async def _pull(self, digest: Digest, top: Blob, architecture: str) -> Pulled:
        if top.media_type not in INDEX_TYPES:
            return Pulled(digest, digest, await self._only_layer(top))
        target = Target.of(_first_entry(json.loads(top.content), architecture))
        manifest = await self.manifest(target)
        return Pulled(digest, target.digest, await self._only_layer(manifest))

    async def _only_layer(self, manifest: Blob) -> bytes:
        parts = json.loads(manifest.content)
        await self.blob(Target.of(parts["config"]))
        (layer,) = parts["layers"]
        return await self.blob(Target.of(layer))

    async def _push_blob(self, blob: Blob) -> None:
        begun = await self._ask("POST", self._path("blobs/uploads/"), 202, OCTETS)
        location = begun.url.join(URL(begun.headers["Location"], encoded=True))
        upload = location.update_query(digest=str(blob.digest))
        await self._ask("PUT", upload, 201, OCTETS, blob.content)

    async def _push_manifest(self, reference: Reference, manifest: Blob) -> None:
        headers = {"Content-Type": manifest.media_type}
        path = self._manifest_path(reference)
        await self._ask("PUT", path, 201, headers, manifest.content)

    def _manifest_path(self, reference: Reference) -> str:
        return str(ManifestPath(self.repository, reference))

    def _path(self, rest: str) -> str:
        return f"/v2/{self.repository}/{rest}"

    async def _ask(
        self,
        method: str,
        url: str | URL,
        status: int,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        # Not among the session's own headers: aiohttp would show those to the proxy as well.
        login = {"Authorization": self.login.header} if self.login else {}
        headers = {**(headers or {}), **login}
        asking = self.session.request(method, url, headers=headers, data=content)
        try:
            async with asking as response:
                answer = Answer(response.url, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransferError(f"{method} {url}: {str(error) or 'no answer in time'}") from error
        if response.status != status:
            raise TransferError(_unexpected(method, status, response, answer))
        return answer


@asynccontextmanager
async def connected(
    registry: Address,
    repository: str,
    trust: ssl.SSLContext | None = None,
    *,
    login: Login | None = None,
    proxy: Proxy | None = None,
) -> AsyncIterator[Client]:
    """A client for a repository, connected as long as the `async with` lasts.

    `trust` says whose certificates it believes; the system's authorities if it is None.
    """
    connector = aiohttp.TCPConnector(ssl=trust or True)
    proxy_url = proxy.url if proxy else None
    async with aiohttp.ClientSession(
        registry.url, connector=connector, proxy=proxy_url, timeout=TIMEOUT
    ) as session:
        yield Client(session, repository, login)


def _first_entry(index: Mapping[str, Any], architecture: str) -> Mapping[str, Any]:
    """What a runtime takes: the first entry of its platform. It does not look at features."""
    wanted = (OPERATING_SYSTEM, architecture)
    entries: list[Mapping[str, Any]] = index["manifests"]
    for entry in entries:
        platform = entry["platform"]
        if (platform["os"], platform["architecture"]) == wanted:
            return entry
    raise TransferError(f"the index has no entry for {'/'.join(wanted)}")


def _unexpected(method: str, status: int, response: aiohttp.ClientResponse, answer: Answer) -> str:
    excerpt = answer.content[:LONGEST_EXCERPT].decode(errors="replace")
    found = f"{response.status} {response.reason}"
    return f"{method} {answer.url.path}: expected {status}, found {found} {excerpt}".rstrip()
