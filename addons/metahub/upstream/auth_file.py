"""The files in which docker and podman keep who is logged in where.

Knows their places and their shape. Must not know what a login is used for.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from metahub.core.distribution import ImageName
from metahub.core.registry import DOCKER_HUB
from metahub.upstream.credential_store import CredentialStore
from metahub.upstream.login import Login
from metahub.upstream.upstream_error import UpstreamError

# What docker calls Docker Hub, there and to the programs that keep logins.
# https://github.com/docker/cli/blob/v27.0.0/cli/config/configfile/file.go
_DOCKER_HUB_SERVER = "https://index.docker.io/v1/"
_DOCKER_HUB_HOSTS = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_VERSIONS = frozenset({"", "v1", "v2"})


@dataclass(frozen=True, slots=True)
class AuthFile:
    """One file, as docker and podman both read it.

    https://github.com/containers/image/blob/v5.32.0/docs/containers-auth.json.5.md
    """

    path: Path
    _logins: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """By registry, or by a beginning of an image's name."""
    _stores: Mapping[str, str]
    _store_of_all: str

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The file; None if there is none. Raises UpstreamError."""
        try:
            fields = _object(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UpstreamError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise UpstreamError(f"{path} cannot be read: it is no JSON") from error
        logins = {_spelt(key): _object(one) for key, one in _object(fields.get("auths")).items()}
        stores = {_spelt(key): str(one) for key, one in _object(fields.get("credHelpers")).items()}
        return cls(path, logins, stores, str(fields.get("credsStore") or ""))

    def login(self, image: ImageName) -> Login | None:
        """The login for an image; None if the file has none. Raises UpstreamError."""
        return self._stored(image) or self._written(image)

    def _stored(self, image: ImageName) -> Login | None:
        """From the program that the file names for the registry, or for all of them."""
        name = self._stores.get(image.registry) or self._store_of_all
        if not name:
            return None
        server = _DOCKER_HUB_SERVER if image.registry == DOCKER_HUB else image.registry
        return CredentialStore(name, str(self.path)).login(server)

    def _written(self, image: ImageName) -> Login | None:
        """From the file itself: the longest beginning of the image's name goes first."""
        for key in _beginnings(image):
            fields = self._logins.get(key, {})
            if fields.get("auth") or fields.get("identitytoken"):
                return self._decoded(key, fields)
        return None

    def _decoded(self, key: str, fields: Mapping[str, Any]) -> Login:
        token, file = str(fields.get("identitytoken") or ""), str(self.path)
        if not fields.get("auth"):
            return Login("", identity_token=token, kept_in=file)
        try:
            return Login.decode(str(fields["auth"]), token, file)
        except ValueError as error:
            raise UpstreamError(f"{file}: auths: {key}: auth: {error}") from error


@dataclass(frozen=True, slots=True)
class AuthFiles:
    """All the places of such files, the first to be asked first."""

    paths: tuple[Path, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str], home: Path, user_id: int) -> Self:
        """Where a user has them: what the environment names, podman's own, docker's own."""
        docker = environment.get("DOCKER_CONFIG")
        named = environment.get("REGISTRY_AUTH_FILE")
        runtime = environment.get("XDG_RUNTIME_DIR")
        podman = Path(runtime, "containers") if runtime else Path(f"/run/containers/{user_id}")
        found = (
            Path(named) if named else None,
            Path(docker, "config.json") if docker else None,
            podman / "auth.json",
            None if docker else home / ".docker" / "config.json",
        )
        return cls(tuple(path for path in found if path is not None))

    def login(self, image: ImageName) -> Login | None:
        """The first login for an image; None if there is none. Raises UpstreamError."""
        files = (AuthFile.read(path) for path in self.paths)
        logins = (file.login(image) for file in files if file)
        return next((login for login in logins if login), None)


def _beginnings(image: ImageName) -> Iterator[str]:
    """`ghcr.io/a/b`, `ghcr.io/a`, `ghcr.io`."""
    name = str(image)
    while name:
        yield name
        name = name.rpartition("/")[0]


def _spelt(key: str) -> str:
    """A key of the file in its one spelling: `https://ghcr.io/v1/` is `ghcr.io`."""
    host, _, path = key.removeprefix("https://").removeprefix("http://").strip("/").partition("/")
    name = DOCKER_HUB if host in _DOCKER_HUB_HOSTS else host
    return name if path in _VERSIONS else f"{name}/{path}"


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
