"""The scene: a registry with qnib/bench in it, and the proxy before it, for as long as it lasts.

Knows the order in which the parts start, and who pulls; must not know how a result is shown.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from metahub.core.digest import Digest
from metahub.demo import docker_registry
from metahub.demo.address import LOOPBACK, Address, Login
from metahub.demo.bench import REPOSITORY, TABLE, TAG, User, qnib_bench
from metahub.demo.client import Proxy, connected
from metahub.demo.container import host_architecture, printed_by
from metahub.demo.images import program_in
from metahub.demo.outcome import Outcome, Seen
from metahub.demo.proxy import RunningProxy, serving
from metahub.demo.registry import Registry
from metahub.demo.rules import rules_of
from metahub.demo.tls import Authority, KeyPair, trusting

IN_PROCESS = "in-process"


@dataclass(frozen=True, slots=True)
class Scene:
    """All parts, running. `registry_kind` is the registry's command, or IN_PROCESS."""

    directory: Path
    registry: Address
    registry_kind: str
    registry_authority: Path
    proxy: RunningProxy
    architecture: str
    upstream: Digest

    @property
    def image(self) -> str:
        """The plain name that everybody pulls."""
        return f"{self.registry}/{REPOSITORY}"

    async def play(self, users: Iterable[User] = TABLE) -> Outcome:
        """Pull as each user through the proxy, and once without. Raises TransferError."""
        by_user = {user: await self.pull_as(user) for user in users}
        without = await self.pull_without()
        return Outcome(self.image, self.registry_kind, self.upstream, by_user, without)

    async def pull_as(self, user: User) -> Seen:
        """What a node of this user gets."""
        return await self._pull(self.proxy.authority, self.proxy_for(user))

    async def pull_without(self) -> Seen:
        """What a node gets that does not use the proxy."""
        return await self._pull(self.registry_authority, None)

    def proxy_for(self, user: User) -> Proxy:
        """The proxy with the login of a user."""
        return Proxy(self.proxy.address, Login(user.name, user.password))

    async def _pull(self, authority: Path, proxy: Proxy | None) -> Seen:
        trust = trusting(authority)
        async with connected(self.registry, REPOSITORY, trust, proxy=proxy) as client:
            pulled = await client.pull(TAG, self.architecture)
        program = program_in(pulled.layer)
        printed = await asyncio.to_thread(printed_by, program, self.architecture, self.directory)
        return Seen(pulled.digest, pulled.manifest, printed)


@asynccontextmanager
async def on_stage(
    *, use_docker_registry: bool | None = None, host: str = LOOPBACK
) -> AsyncIterator[Scene]:
    """The scene, as long as the `async with` lasts; nothing of it is left afterwards.

    docker-registry is used where it is installed, unless the caller says. `host` is the name that
    the registry gets, of an address of loopback. Raises ProgramError if a part does not start.
    """
    if use_docker_registry is None:
        use_docker_registry = docker_registry.is_installed()
    kind = docker_registry.COMMAND if use_docker_registry else IN_PROCESS
    with TemporaryDirectory(prefix="metahub-demo-") as name:
        async with _in_directory(Path(name), kind, host) as scene:
            yield scene


@asynccontextmanager
async def _in_directory(directory: Path, kind: str, host: str) -> AsyncIterator[Scene]:
    authority = Authority.create("MetaHub demo registry")
    trusted = authority.write(directory / "registry-ca.pem")
    pair = authority.issue(directory, host)
    architecture = host_architecture() or "amd64"  # so that the programs run, where any can
    async with REGISTRIES[kind](directory, pair, host) as registry:
        upstream = await _push(registry, trusted, architecture)
        async with serving(directory, rules_of(registry), trusted) as proxy:
            yield Scene(directory, registry, kind, trusted, proxy, architecture, upstream)


async def _push(registry: Address, authority: Path, architecture: str) -> Digest:
    async with connected(registry, REPOSITORY, trusting(authority)) as client:
        return await client.push(TAG, qnib_bench(architectures=[architecture]))


@asynccontextmanager
async def _in_process(_: Path, pair: KeyPair, host: str) -> AsyncIterator[Address]:
    async with Registry(pair.server_context(), host=host) as registry:
        yield registry.address


REGISTRIES: Mapping[str, Callable[[Path, KeyPair, str], AbstractAsyncContextManager[Address]]] = {
    docker_registry.COMMAND: docker_registry.docker_registry,
    IN_PROCESS: _in_process,
}
