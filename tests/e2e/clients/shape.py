"""What every client is given and what it gives back.

Knows commands and their words. Must not know any one client.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

from metahub.demo.address import Address, Login
from tests.e2e.running import bare_environment

LONGEST = 60.0  # seconds that any one command may take


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its own directory, its way out, whom it trusts, and its login at the registry.

    A registry without TLS is one that the node was told of.
    """

    directory: Path
    proxy: str
    trusted: Path
    registry: Address
    login: Login | None

    @property
    def speaks_plain_http(self) -> bool:
        """Whether there is no TLS between the node and the registry."""
        return self.registry.scheme == "http"

    def environment(self) -> dict[str, str]:
        """What a person sets on this node; nothing of the machine's own settings."""
        return bare_environment(
            HOME=str(self.directory),
            TMPDIR=str(self.directory),
            HTTP_PROXY=self.proxy,
            HTTPS_PROXY=self.proxy,
            SSL_CERT_FILE=str(self.trusted),
        )

    def login_file(self) -> Path:
        """Docker's config.json with the login, or with none."""
        path = self.directory / "config.json"
        path.write_text(json.dumps({"auths": self._auths()}))
        return path

    def _auths(self) -> dict[str, dict[str, str]]:
        if self.login is None:
            return {}
        return {str(self.registry): {"auth": self.login.header.removeprefix("Basic ")}}


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
    """A client that was started on a node. `NEEDS` are the commands that it is made of."""

    NEEDS: ClassVar[tuple[str, ...]]

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
