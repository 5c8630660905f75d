"""A registry with the referrers API, which Debian's docker-registry does not have.

Knows the spec of that API. Must not know who signs, nor with what.
https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from metahub.core.distribution import OCI_INDEX
from metahub.demo.images import Blob
from metahub.demo.registry import NAME, Registry
from tests.e2e.upstreams.registry import LOGIN
from tests.e2e.upstreams.trust import HERE, Trust

FILTERED = {"OCI-Filters-Applied": "artifactType"}


class ReferringRegistry(Registry):
    """The small registry of the demo, which also tells what refers to a digest."""

    def _routes(self) -> list[web.RouteDef]:
        return [*super()._routes(), web.get(f"/v2/{NAME}/referrers/{{digest}}", self._referrers)]

    async def _referrers(self, request: web.Request) -> web.Response:
        manifests = self._existing(request).manifests.values()
        wanted = request.query.get("artifactType")
        digest = request.match_info["digest"]
        found = [_descriptor(manifest) for manifest in manifests if _subject(manifest) == digest]
        listed = [entry for entry in found if wanted in (None, entry["artifactType"])]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
        headers = {"Content-Type": OCI_INDEX} | (FILTERED if wanted else {})
        return web.Response(body=json.dumps(index).encode(), headers=headers)

    async def _put_manifest(self, request: web.Request) -> web.Response:
        """Say that the subject is understood: a client need not keep a tag for it then."""
        response = await super()._put_manifest(request)
        subject = _subject(Blob("", await request.read()))
        return _with_subject(response, subject) if subject else response


def _with_subject(response: web.Response, subject: str) -> web.Response:
    response.headers["OCI-Subject"] = subject
    return response


def _subject(manifest: Blob) -> str | None:
    digest: str | None = (_fields(manifest).get("subject") or {}).get("digest")
    return digest


def _descriptor(manifest: Blob) -> dict[str, object]:
    fields = _fields(manifest)
    kind = fields.get("artifactType") or fields.get("config", {}).get("mediaType")
    said = {"artifactType": kind, "annotations": fields.get("annotations", {})}
    return manifest.descriptor | said


def _fields(manifest: Blob) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(manifest.content)
    return fields


@contextmanager
def serving(trust: Trust) -> Iterator[ReferringRegistry]:
    """A registry that wants a login, in a thread of its own, as long as the `with` lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    registry = ReferringRegistry(trust.pair.server_context(), LOGIN, HERE)
    try:
        asyncio.run_coroutine_threadsafe(registry.__aenter__(), loop).result()
        yield registry
    finally:
        asyncio.run_coroutine_threadsafe(registry.__aexit__(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
