"""A small OCI registry inside the process: in memory, on loopback, with TLS and a login if wanted.

Knows the distribution spec over HTTP; must not know what is pushed or why. Nothing is converted.
"""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web
from multidict import CIMultiDictProxy

from metahub.core.digest import Digest
from metahub.core.distribution import Reference, Tag, error_body
from metahub.demo.address import LOOPBACK, Address, Login, loopback_of
from metahub.demo.images import Blob
from metahub.demo.repository import RegistryError, Repository

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NAME = "{repository:[a-z0-9]+(?:[._/-]+[a-z0-9]+)*}"
OCTETS = {"Content-Type": "application/octet-stream"}

# https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
STATUS = {
    "BLOB_UNKNOWN": 404,
    "BLOB_UPLOAD_INVALID": 416,
    "BLOB_UPLOAD_UNKNOWN": 404,
    "DIGEST_INVALID": 400,
    "MANIFEST_INVALID": 400,
    "MANIFEST_UNKNOWN": 404,
    "NAME_UNKNOWN": 404,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED": 405,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request that reached the registry, and the status of the answer."""

    method: str
    path: str
    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)  # holds credentials


class Registry:
    """An OCI registry that listens while its `async with` lasts.

    `tls` makes it speak HTTPS; with `login` every request needs it. `requests` holds what was
    asked, in order.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        login: Login | None = None,
        host: str = LOOPBACK,
    ) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Recorded] = []
        self._tls = tls
        self._login = login
        self._runner = web.AppRunner(self._application(), access_log=None)
        self._host = host
        self._port = 0

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, loopback_of(self._host), 0, ssl_context=self._tls).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(self._host, self._port, "https" if self._tls else "http")

    def count(self, method: str, path: str) -> int:
        """How many requests for exactly this path came in, whatever their answer."""
        return sum((asked.method, asked.path) == (method, path) for asked in self.requests)

    def _application(self) -> web.Application:
        # Manifests are read whole, and a test may push one of any size.
        application = web.Application(
            client_max_size=1 << 30, middlewares=[self._record, _errors_as_json, self._authorize]
        )
        application.add_routes(self._routes())
        return application

    def _routes(self) -> list[web.RouteDef]:
        manifest = f"/v2/{NAME}/manifests/{{reference}}"
        uploads = f"/v2/{NAME}/blobs/uploads/"
        upload = f"{uploads}{{upload}}"
        return [
            web.get("/v2/", _ping),
            web.get(f"/v2/{NAME}/tags/list", self._list_tags),
            web.get(manifest, self._get_manifest),
            web.put(manifest, self._put_manifest),
            web.get(f"/v2/{NAME}/blobs/{{digest}}", self._get_blob),
            web.post(uploads, self._begin_upload),
            web.get(upload, self._get_upload),
            web.patch(upload, self._continue_upload),
            web.put(upload, self._finish_upload),
            web.delete(upload, self._cancel_upload),
        ]

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        response.headers["Docker-Distribution-API-Version"] = "registry/2.0"
        self.requests.append(
            Recorded(request.method, request.raw_path, response.status, request.headers)
        )
        return response

    @web.middleware
    async def _authorize(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._login and request.headers.get("Authorization") != self._login.header:
            raise RegistryError("UNAUTHORIZED", "authentication required")
        return await handler(request)

    def _existing(self, request: web.Request) -> Repository:
        name = request.match_info["repository"]
        if name not in self.repositories:
            raise RegistryError("NAME_UNKNOWN", f"no repository {name}")
        return self.repositories[name]

    def _new_or_existing(self, request: web.Request) -> Repository:
        return self.repositories.setdefault(request.match_info["repository"], Repository())

    async def _list_tags(self, request: web.Request) -> web.Response:
        tags = sorted(str(tag) for tag in self._existing(request).tags)
        return web.json_response({"name": request.match_info["repository"], "tags": tags})

    async def _get_manifest(self, request: web.Request) -> web.Response:
        manifest = self._existing(request).manifest(_reference(request))
        headers = {
            "Content-Type": manifest.media_type,
            "Docker-Content-Digest": str(manifest.digest),
            "ETag": f'"{manifest.digest}"',
        }
        if _is_known_to_client(request, manifest.digest):
            return web.Response(status=304, headers=headers)
        return web.Response(body=manifest.content, headers=headers)

    async def _put_manifest(self, request: web.Request) -> web.Response:
        media_type = request.headers.get("Content-Type")
        if media_type is None:
            raise RegistryError("MANIFEST_INVALID", "expected a Content-Type")
        manifest = Blob(media_type, await request.read())
        digest = self._new_or_existing(request).put_manifest(_reference(request), manifest)
        return _created(request, f"manifests/{digest}", digest)

    async def _get_blob(self, request: web.Request) -> web.Response:
        digest = _parse_digest(request.match_info["digest"])
        content = self._existing(request).blob(digest)
        return web.Response(body=content, headers=OCTETS | {"Docker-Content-Digest": str(digest)})

    async def _begin_upload(self, request: web.Request) -> web.Response:
        repository = self._new_or_existing(request)
        if "digest" in request.query:  # the whole blob in one POST
            digest = _parse_digest(request.query["digest"])
            repository.put_blob(digest, await request.read())
            return _created(request, f"blobs/{digest}", digest)
        return _accepted(request, repository, repository.begin_upload())

    async def _get_upload(self, request: web.Request) -> web.Response:
        name = request.match_info["upload"]
        return _accepted(request, self._existing(request), name, status=204)

    async def _continue_upload(self, request: web.Request) -> web.Response:
        name = request.match_info["upload"]
        repository = self._existing(request)
        await _append(request, repository.upload(name))
        return _accepted(request, repository, name)

    async def _finish_upload(self, request: web.Request) -> web.Response:
        name = request.match_info["upload"]
        repository = self._existing(request)
        digest = _parse_digest(request.query.get("digest", ""))
        await _append(request, repository.upload(name))
        repository.finish_upload(name, digest)
        return _created(request, f"blobs/{digest}", digest)

    async def _cancel_upload(self, request: web.Request) -> web.Response:
        name = request.match_info["upload"]
        repository = self._existing(request)
        repository.upload(name)
        del repository.uploads[name]
        return web.Response(status=204)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RegistryError as error:
        return _refusal(error)
    except web.HTTPMethodNotAllowed:
        return _refusal(RegistryError("UNSUPPORTED", f"no {request.method} here"))
    except web.HTTPNotFound:
        return _refusal(RegistryError("NAME_UNKNOWN", f"no such path: {request.path}"))


def _refusal(error: RegistryError) -> web.Response:
    status = STATUS[error.code]
    challenge = {"WWW-Authenticate": 'Basic realm="metahub demo"'} if status == 401 else {}
    return web.Response(
        status=status,
        body=error_body(error.code, error.message),
        headers={"Content-Type": "application/json"} | challenge,
    )


async def _ping(_: web.Request) -> web.Response:
    return web.json_response({})


def _reference(request: web.Request) -> Reference:
    text = request.match_info["reference"]
    if ":" in text:
        return _parse_digest(text)
    try:
        return Tag.parse(text)
    except ValueError as error:
        raise RegistryError("MANIFEST_UNKNOWN", str(error)) from error


def _parse_digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except ValueError as error:
        raise RegistryError("DIGEST_INVALID", str(error)) from error


def _is_known_to_client(request: web.Request, digest: Digest) -> bool:
    return any(tag.value in (str(digest), "*") for tag in request.if_none_match or ())


async def _append(request: web.Request, arrived: bytearray) -> None:
    """Add the body to an upload; a chunk that says where it starts must start at the end."""
    start, _, _ = request.headers.get("Content-Range", "").partition("-")
    if start and start != str(len(arrived)):
        raise RegistryError("BLOB_UPLOAD_INVALID", f"expected a chunk from {len(arrived)} on")
    async for chunk in request.content.iter_any():
        arrived += chunk


def _accepted(
    request: web.Request, repository: Repository, upload: str, status: int = 202
) -> web.Response:
    headers = {
        "Location": f"/v2/{request.match_info['repository']}/blobs/uploads/{upload}",
        "Range": f"0-{max(len(repository.upload(upload)) - 1, 0)}",
        "Docker-Upload-UUID": upload,
    }
    return web.Response(status=status, headers=headers)


def _created(request: web.Request, path: str, digest: Digest) -> web.Response:
    headers = {
        "Location": f"/v2/{request.match_info['repository']}/{path}",
        "Docker-Content-Digest": str(digest),
    }
    return web.Response(status=201, headers=headers)
