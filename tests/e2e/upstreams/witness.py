"""Stands before a registry and sees every request as it came: spelling and number of headers too.

Knows HTTP. Must not know who asks.
"""

from dataclasses import dataclass

import aiohttp
from aiohttp import web

from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.server import ServerInThread
from tests.e2e.upstreams.trust import HOST

PIECE = 64 * 1024
OF_THE_WAY = frozenset({"connection", "transfer-encoding"})


@dataclass(frozen=True, slots=True, order=True)
class Seen:
    """A request; the headers are in alphabetical order, because docker shuffles its own."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]


class Witness(ServerInThread):
    """A registry with TLS that asks for nothing, and has what another one has."""

    def __init__(self, behind: Registry) -> None:
        """Pass everything on to a registry without TLS."""
        super().__init__(behind.trust.pair.server_context(), HOST)
        self._behind = behind.here
        self.seen: list[Seen] = []

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = [(name.decode(), value.decode()) for name, value in request.raw_headers]
        self.seen.append(Seen(request.method, request.raw_path, tuple(sorted(headers))))
        url = f"{self._behind.url}{request.raw_path}"
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, headers=request.headers) as answer,
        ):
            return await _passed_on(answer, request)


async def _passed_on(
    answer: aiohttp.ClientResponse, request: web.BaseRequest
) -> web.StreamResponse:
    kept = [(name, value) for name, value in answer.headers.items() if name not in OF_THE_WAY]
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in kept:
        response.headers.add(name, value)
    await response.prepare(request)
    if request.method != "HEAD":
        async for piece in answer.content.iter_chunked(PIECE):
            await response.write(piece)
    return response
