"""What every client is given and what it gives back.

Knows commands and their words. Must not know any one client.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, Self

from metahub.demo.address import Address, Login
from tests.e2e.clients.programs import Programs
from tests.e2e.machine import seclusion
from tests.e2e.machine.running import bare_environment

LONGEST = 120.0  # seconds that any one command may take


@dataclass(frozen=True, slots=True)
class Way:
    """How a node gets out: over a proxy that it knows of, or over its own network.

    `network` starts a command in the node's network namespace, `hosts` is what it resolves names
    by; both are empty for a node that shares this machine's.
    """

    proxy: str = ""
    mirrors: Mapping[str, str] = field(default_factory=dict)
    """The URL of a mirror for the registries that have one, by `host:port`."""
    network: tuple[str, ...] = ()
    hosts: Path | None = None

    def taken_by(self, command: Sequence[str]) -> list[str]:
        """The command, out there."""
        resolving = seclusion.resolving(self.hosts, command) if self.hosts else command
        return [*self.network, *resolving]


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its own directory, its way out, whom it trusts, and the registries it was told of.

    A registry without TLS is one that the node has to be told of; each has a login or none.
    """

    directory: Path
    way: Way
    trusted: Path
    registries: Mapping[Address, Login | None]

    def registry_of(self, image: str) -> Address | None:
        """The registry in an image's name, if the node was told of it."""
        named = image.partition("/")[0]
        return next((known for known in self.registries if str(known) == named), None)

    def login_for(self, image: str) -> Login | None:
        """The login at the image's registry."""
        registry = self.registry_of(image)
        return self.registries[registry] if registry else None

    def speaks_plain_http_for(self, image: str) -> bool:
        """Whether there is no TLS between the node and the image's registry."""
        registry = self.registry_of(image)
        return registry is not None and registry.scheme == "http"

    def environment(self) -> dict[str, str]:
        """What a person sets on this node; nothing of the machine's own settings."""
        proxy = self.way.proxy
        proxies = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy} if proxy else {}
        return bare_environment(
            HOME=str(self.directory),
            TMPDIR=str(self.directory),
            SSL_CERT_FILE=str(self.trusted),
            **proxies,
        )

    def login_file(self) -> Path:
        """Docker's config.json with the logins that there are."""
        path = self.directory / "config.json"
        path.write_text(json.dumps({"auths": self._auths()}))
        return path

    def _auths(self) -> dict[str, dict[str, str]]:
        return {
            str(registry): {"auth": login.header.removeprefix("Basic ")}
            for registry, login in self.registries.items()
            if login
        }


@dataclass(frozen=True, slots=True)
class Spoken:
    """A command that ended: its code, and what a person saw."""

    exit_code: int
    printed: str
    complaint: str

    @property
    def seen(self) -> str:
        """Both outputs, as they stand on a terminal."""
        return self.printed + self.complaint


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull that ended: its code, what a person saw, the digests that the client recorded."""

    exit_code: int
    seen: str
    digests: frozenset[str]

    @property
    def worked(self) -> bool:
        """Whether the client says that it has the image."""
        return self.exit_code == 0


class Client(Protocol):
    """A client that was started on a node. NEEDS are the commands of it, out of PROGRAMS."""

    NEEDS: ClassVar[tuple[str, ...]]
    PROGRAMS: ClassVar[Programs]

    @classmethod
    def on(cls, node: Node) -> Self:
        """Start it and wait until it answers."""

    def pull(self, image: str) -> Pull:
        """Pull a reference, by tag or by digest."""

    def stop(self) -> None:
        """End whatever the client started."""


class Runtime(Client, Protocol):
    """A client that also runs what it pulled."""

    def run(self, image: str) -> Spoken:
        """Run an image that is here already, without a network, and remove the container."""


def speak(command: Sequence[str], environment: Mapping[str, str]) -> Spoken:
    """Run one command to its end."""
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LONGEST,
        check=False,
    )
    return Spoken(done.returncode, done.stdout, done.stderr)
