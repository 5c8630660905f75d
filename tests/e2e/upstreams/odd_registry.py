"""An upstream that answers exactly what a test says: wrong, slow, cut, huge.

Knows HTTP. Must not know what an index is.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from ssl import SSLContext

from aiohttp import web

from metahub.demo.images import Blob
from tests.e2e.upstreams.server import ServerInThread

PIECE = 64 * 1024  # bytes written at once
DRIP = 0.01  # seconds between two bytes
UNKNOWN_NAME = b'{"errors":[{"code":"NAME_UNKNOWN","message":"nothing is here"}]}'


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `cut_after` bytes of the body the connection is cut, at 0 before the status.

    `delay` is the time in seconds before the status, `pause` that before each piece of the body.
    `drips` is sent byte by byte, and then nothing, until the client leaves: an answer that never
    begins.
    """

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    reason: str | None = None
    pause: float = 0
    delay: float = 0
    cut_after: int | None = None
    has_length: bool = True
    drips: bytes | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived; header names in lower case, the body's length in bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    length: int


class OddRegistry(ServerInThread):
    """Answers each path with the Reply set for it, and everything else with 404."""

    def __init__(self, tls: SSLContext | None, host: str = "localhost") -> None:
        """Serve TLS, or plain HTTP without a context, under this name of loopback."""
        super().__init__(tls, host)
        self.replies: dict[str | tuple[str, str], Reply] = {}
        self.asked: list[Asked] = []
        self.waiting = 0  # clients to whom something drips

    def __setitem__(self, path: str | tuple[str, str], reply: Reply) -> None:
        """Answer a path, or a method and a path, so; HEAD answers as GET unless it has its own."""
        self.replies[path] = reply

    def offer(self, repository: str, reference: object, manifest: Blob, pause: float = 0) -> None:
        """Serve a manifest under a tag and under its digest, as registries do."""
        digest = str(manifest.digest)
        headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": digest}
        for name in (reference, digest):
            reply = Reply(manifest.content, headers, pause=pause)
            self[f"/v2/{repository}/manifests/{name}"] = reply

    def times(self, method: str, path: str) -> int:
        """How often this was asked."""
        return sum((asked.method, asked.path) == (method, path) for asked in self.asked)

    @property
    def connections(self) -> int:
        """How many are open, in use or not."""
        server = self._runner.server
        return len(server.connections) if server else 0

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        headers = {name.lower(): value for name, value in request.headers.items()}
        length = sum([len(piece) async for piece in request.content.iter_any()])
        self.asked.append(Asked(request.method, path, headers, length))
        nothing = Reply(UNKNOWN_NAME, {"Content-Type": "application/json"}, 404)
        reply = self.replies.get((request.method, path)) or self.replies.get(path, nothing)
        if reply.drips is not None:
            return await self._drip(reply.drips, request)
        return await _send(reply, request)

    async def _drip(self, drips: bytes, request: web.BaseRequest) -> web.StreamResponse:
        self.waiting += 1
        left = iter(drips)
        while request.transport:
            request.transport.write(bytes(islice(left, 1)))
            await asyncio.sleep(DRIP)
        self.waiting -= 1
        return web.Response()


async def _send(reply: Reply, request: web.BaseRequest) -> web.StreamResponse:
    if reply.cut_after == 0:
        return _cut(request)
    await asyncio.sleep(reply.delay)
    response = web.StreamResponse(status=reply.status, reason=reply.reason, headers=reply.headers)
    if reply.has_length and "Content-Length" not in reply.headers:
        response.content_length = len(reply.body)
    await response.prepare(request)
    if request.method != "HEAD":
        await _write(reply, response)
    if reply.cut_after is not None:
        return _cut(request)
    return response


async def _write(reply: Reply, response: web.StreamResponse) -> None:
    body = memoryview(reply.body)[: reply.cut_after]
    for start in range(0, len(body), PIECE):
        await asyncio.sleep(reply.pause)
        await response.write(body[start : start + PIECE])


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport:
        request.transport.abort()
    return web.Response()
