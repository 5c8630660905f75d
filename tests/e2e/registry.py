"""Debian's docker-registry as an upstream: over TLS or plain, with or without a login.

Knows its configuration and its access log. Must not know who asks.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from metahub.core.digest import Digest
from metahub.demo.address import LOOPBACK, Address, Login, free_port
from metahub.demo.client import connected
from metahub.demo.images import DOCKER, OCI, IndexedImages
from metahub.demo.tls import trusting
from tests.e2e.running import Running, accepts, bare_environment, start, wait_until
from tests.e2e.trust import HERE, HOST, Trust

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
    """A running docker-registry. `login` is None where everybody may pull and push."""

    address: Address
    trust: Trust
    login: Login | None
    running: Running

    def push(self, repository: str, tag: str, images: IndexedImages) -> Digest:
        """Push images past every proxy, and let the tag point to their index."""
        return asyncio.run(self._push(repository, tag, images))

    async def _push(self, repository: str, tag: str, images: IndexedImages) -> Digest:
        trusted = trusting(self.trust.authority)
        async with connected(self.here, repository, trusted, login=self.login) as client:
            return await client.push(tag, images)

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
    directory: Path, trust: Trust, *, login: Login | None = None, scheme: str = "https"
) -> Iterator[Registry]:
    """A registry that keeps everything in a directory, and wants the login if there is one."""
    address = Address(HOST, free_port(), scheme)
    file = _write_configuration(directory, address, trust, login)
    log = directory / "docker-registry.log"
    running = start(
        ["docker-registry", "serve", str(file)], log=log, environment=bare_environment()
    )
    try:
        wait_until(lambda: accepts(address.port), running)
        yield Registry(address, trust, login, running)
    finally:
        running.stop()


def _write_configuration(
    directory: Path, address: Address, trust: Trust, login: Login | None
) -> Path:
    pair = {"certificate": str(trust.pair.certificate), "key": str(trust.pair.key)}
    configuration = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "storage")}},
        "http": {"addr": f"{LOOPBACK}:{address.port}", "secret": "of the tests"}
        | ({"tls": pair} if address.scheme == "https" else {}),
        **({"auth": _htpasswd(directory / "htpasswd", login)} if login else {}),
    }
    file = directory / "docker-registry.yaml"
    file.write_text(json.dumps(configuration))  # JSON is YAML
    return file


def _htpasswd(file: Path, login: Login) -> dict[str, dict[str, str]]:
    hashed = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(CHEAPEST_BCRYPT))
    file.write_text(f"{login.user}:{hashed.decode()}\n")
    return {"htpasswd": {"realm": "the tests' registry", "path": str(file)}}
