"""Debian's docker-registry as an upstream: over TLS or plain, open, with a login or with tokens.

Knows its configuration and its access log. Must not know who asks.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from metahub.core.digest import Digest
from metahub.demo.address import Address, Login, free_port
from metahub.demo.client import connected
from metahub.demo.images import DOCKER, OCI, IndexedImages
from metahub.demo.tls import trusting
from tests.e2e.machine.running import Running, bare_environment, start, wait_until
from tests.e2e.machine.site import THIS_MACHINE, Site
from tests.e2e.upstreams.token_service import TokenService
from tests.e2e.upstreams.trust import HERE, HOST, Trust

# One index, in both formats: qnib/bench is what people pull.
FORMATS = {"qnib/bench": OCI, "qnib/bench-docker": DOCKER}
LOGIN = Login("node", "of the registry")

CHEAPEST_BCRYPT = 4  # rounds
ACCESS = re.compile(r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[0-9.]+" (?P<status>\d{3}) ')


@dataclass(frozen=True, slots=True)
class Access:
    """A request that reached the registry, and what it answered."""

    method: str
    path: str
    status: int


@dataclass(frozen=True, slots=True)
class Registry:
    """A running docker-registry. `login` is None where everybody may pull and push.

    With `tokens` the login is one of the token service.
    """

    address: Address
    trust: Trust
    login: Login | None
    running: Running
    site: Site = THIS_MACHINE
    tokens: TokenService | None = None

    def push(self, repository: str, tag: str, images: IndexedImages) -> Digest:
        """Push images past every proxy, and let the tag point to their index."""
        with self.site.entered():
            return asyncio.run(self._push(repository, tag, images))

    async def _push(self, repository: str, tag: str, images: IndexedImages) -> Digest:
        trusted = trusting(self.trust.authority)
        login = self.authorization(repository)
        async with connected(self.here, repository, trusted, login=login) as client:
            return await client.push(tag, images)

    def authorization(self, repository: str) -> Login | None:
        """What allows everything in a repository: a token where the registry wants one."""
        if self.tokens is None:
            return self.login
        return self.tokens.bearer(f"repository:{repository}:pull,push")

    @property
    def here(self) -> Address:
        """Where the tests themselves reach it, past every proxy."""
        return Address(HERE, self.address.port, self.address.scheme)

    def accesses(self) -> tuple[Access, ...]:
        """All requests so far, in their order."""
        lines = ACCESS.finditer(self.running.said())
        return tuple(Access(line["method"], line["path"], int(line["status"])) for line in lines)

    def asked(self, method: str, path: str) -> int:
        """How often a path was asked for with this method."""
        return sum((a.method, a.path) == (method, path) for a in self.accesses())


@contextmanager
def serving(
    directory: Path,
    trust: Trust,
    *,
    login: Login | None = None,
    scheme: str = "https",
    tokens: TokenService | None = None,
    site: Site = THIS_MACHINE,
    port: int | None = None,
) -> Iterator[Registry]:
    """A registry that keeps everything in a directory, and wants the login if there is one.

    With `tokens` it wants a token of that service, which knows the login.
    """
    address = Address(HOST, port or free_port(), scheme)
    auth = tokens.configuration if tokens else _htpasswd(directory / "htpasswd", login)
    listens = f"{site.listen_host}:{address.port}"
    file = _write_configuration(directory, listens, trust, auth, scheme)
    log = directory / "docker-registry.log"
    running = start(
        site.inside(["docker-registry", "serve", str(file)]),
        log=log,
        environment=bare_environment(),
    )
    try:
        wait_until(lambda: site.listens(address.port), running)
        yield Registry(address, trust, login, running, site, tokens)
    finally:
        running.stop()


def _write_configuration(
    directory: Path, listens: str, trust: Trust, auth: Mapping[str, object], scheme: str
) -> Path:
    pair = {"certificate": str(trust.pair.certificate), "key": str(trust.pair.key)}
    configuration = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "storage")}},
        "http": {"addr": listens, "secret": "of the tests"}
        | ({"tls": pair} if scheme == "https" else {}),
        **({"auth": auth} if auth else {}),
    }
    file = directory / "docker-registry.yaml"
    file.write_text(json.dumps(configuration))  # JSON is YAML
    return file


def _htpasswd(file: Path, login: Login | None) -> dict[str, dict[str, str]]:
    if login is None:
        return {}
    hashed = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(CHEAPEST_BCRYPT))
    file.write_text(f"{login.user}:{hashed.decode()}\n")
    return {"htpasswd": {"realm": "the tests' registry", "path": str(file)}}
