"""One repository of a registry, asked for its manifests as a container runtime asks.

Knows the order of requests and what a no means. Must not know what is chosen, nor for whom.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from yarl import URL

from metahub.core.digest import Digest
from metahub.core.distribution import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    ImageName,
    ManifestPath,
    Reference,
    media_type,
)
from metahub.core.registry import api_host
from metahub.upstream.auth_file import AuthFiles
from metahub.upstream.authorization import authorization
from metahub.upstream.challenge import parse_challenge
from metahub.upstream.login import Login
from metahub.upstream.upstream_error import UpstreamError
from metahub.upstream.wire import Question, Reply, Route, Wire

_NO_HEAD = frozenset({405, 501})
_ACCEPT = ", ".join(sorted(INDEX_TYPES | MANIFEST_TYPES))


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index, as upstream serves it."""

    media_type: str
    body: bytes
    digest: Digest


class Upstream:
    """Connected while its `async with` lasts, and asks for each manifest once.

    Shows a registry no login before it has asked for one.
    """

    def __init__(self, image: ImageName, route: Route, auth_files: AuthFiles) -> None:
        self._image = image
        self._auth_files = auth_files
        self._login: Login | None = None
        self._authorization: str | None = None
        self._seen: dict[Reference, Manifest | None] = {}
        self._wire = Wire(route)
        self._url = URL(f"{route.scheme}://{api_host(image.registry)}")

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._wire.__aexit__(kind, error, traceback)

    @property
    def host(self) -> str:
        """Where the registry's API answers, without its port."""
        return self._url.host or ""

    @property
    def port(self) -> int:
        """The port there."""
        return self._url.port or 0

    async def manifest(self, reference: Reference) -> Manifest | None:
        """What is behind a tag or a digest; None if nothing is. Raises UpstreamError.

        A HEAD tells whether there is anything: Docker Hub counts no HEAD against its limits.
        """
        if reference not in self._seen:
            self._seen[reference] = await self._manifest(reference)
        return self._seen[reference]

    async def _manifest(self, reference: Reference) -> Manifest | None:
        head = await self._ask("HEAD", reference)
        if head.status != 404 and head.status not in _NO_HEAD:
            self._refuse_all_but_200(head)
        reply = head if head.status == 404 else await self._ask("GET", reference)
        if reply.status == 404:
            return None
        self._refuse_all_but_200(reply)
        return self._verified(reference, reply)

    async def _ask(self, method: str, reference: Reference) -> Reply:
        url = self._url.with_path(str(ManifestPath(self._image.repository, reference)))
        reply = await self._wire.ask(Question(method, url, self._headers()))
        if reply.status != 401 or self._authorization:
            return reply
        self._authorization = await self._authorized(reply)
        if self._authorization is None:
            return reply
        return await self._wire.ask(Question(method, url, self._headers()))

    def _headers(self) -> Mapping[str, str]:
        shown = {"Authorization": self._authorization} if self._authorization else {}
        return {"Accept": _ACCEPT} | shown

    async def _authorized(self, reply: Reply) -> str | None:
        """What the registry itself wants; another place to which it redirects wants it in vain."""
        challenge = parse_challenge(reply.challenges)
        if challenge is None or reply.url.origin() != self._url.origin():
            return None
        self._login = await asyncio.to_thread(self._auth_files.login, self._image)
        return await authorization(
            challenge, self._image, self._login, self._wire, self._url.scheme
        )

    def _refuse_all_but_200(self, reply: Reply) -> None:
        if reply.status == 200:
            return
        registry = self._image.registry
        why = f"{registry} answers {reply.status_line}"
        if reply.status in (401, 403) and self._login:
            why += f" to the login from {self._login.kept_in}"
        elif reply.status in (401, 403):
            why += f": there is no such image, or it wants a login (docker login {registry})"
        raise UpstreamError(why)

    def _verified(self, reference: Reference, reply: Reply) -> Manifest:
        stated = reply.headers.get("docker-content-digest")
        try:
            promised = reference if isinstance(reference, Digest) else _parsed(stated)
        except ValueError as error:
            raise UpstreamError(f"Docker-Content-Digest: {error}") from error
        digest = promised or Digest.of(reply.body)
        if not digest.verifies(reply.body):
            raise UpstreamError(f"what came for {digest} is {Digest.of(reply.body)}")
        return Manifest(media_type(reply.headers.get("content-type", "")), reply.body, digest)


def _parsed(stated: str | None) -> Digest | None:
    return Digest.parse(stated) if stated else None
