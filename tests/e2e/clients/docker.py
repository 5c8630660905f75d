"""Docker: a dockerd with its own root, and the CLI that talks to it."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Self

from tests.e2e.clients.programs import HERE, Programs
from tests.e2e.clients.shape import Node, Pull, Spoken, speak
from tests.e2e.machine.running import Running, start, wait_until
from tests.e2e.machine.seclusion import CGROUP, enclosed

# Debian's own client fits its daemon; another one may stand before it in PATH.
DEBIANS = Path("/usr/bin/docker")
DOCKER = str(DEBIANS) if DEBIANS.exists() else "docker"


class Store(StrEnum):
    """Where a daemon keeps images; the value is the driver, of those that need no file system."""

    CLASSIC = "vfs"
    CONTAINERD = "native"

    @property
    def features(self) -> dict[str, bool]:
        """What the daemon is told: the default is not the same in all versions."""
        return {"containerd-snapshotter": self is Store.CONTAINERD}


@dataclass(frozen=True, slots=True)
class Docker:
    """A running dockerd; the proxy and the CA are the daemon's, the registry login is the CLI's."""

    NEEDS: ClassVar[tuple[str, ...]] = ("dockerd", "docker", "runc")
    PROGRAMS: ClassVar[Programs] = HERE
    STORE: ClassVar[Store] = Store.CLASSIC

    node: Node
    daemon: Running

    @classmethod
    def on(cls, node: Node) -> Self:
        """Start a dockerd on the node and wait until it answers."""
        command = enclosed(cls.PROGRAMS.command(_dockerd(node, cls.STORE), node.directory))
        log = node.directory / "dockerd.log"
        daemon = start(node.way.taken_by(command), log=log, environment=node.environment())
        docker = cls(node, daemon)
        node.login_file()
        wait_until(lambda: docker._say("version").exit_code == 0, daemon)
        return docker

    def pull(self, image: str) -> Pull:
        """`docker pull`; the digests are those of RepoDigests."""
        spoken = self._say("pull", image)
        return Pull(spoken.exit_code, spoken.seen, self._repo_digests(image))

    def run(self, image: str) -> Spoken:
        """`docker run` without a network."""
        return self._say("run", "--rm", "--network", "none", image)

    def push(self, image: str, name: str) -> Spoken:
        """`docker push` of an image that is here, under another name."""
        tagged = self._say("tag", image, name)
        return tagged if tagged.exit_code else self._say("push", name)

    def stop(self) -> None:
        """Kill the daemon; its containers and mounts end with its namespaces."""
        self.daemon.kill()

    def _repo_digests(self, image: str) -> frozenset[str]:
        spoken = self._say("image", "inspect", "--format", "{{json .RepoDigests}}", image)
        names = json.loads(spoken.printed) if spoken.exit_code == 0 else []
        return frozenset(name.partition("@")[2] for name in names)

    def _say(self, *words: str) -> Spoken:
        place = ("--config", str(self.node.directory), "--host", _socket(self.node))
        command = self.PROGRAMS.command([DOCKER, *place, *words], self.node.directory)
        return speak(command, self.node.environment())


def _socket(node: Node) -> str:
    return f"unix://{node.directory}/docker.sock"


def _dockerd(node: Node, store: Store) -> list[str]:
    root = node.directory
    settings = root / "daemon.json"
    settings.write_text(json.dumps({"features": store.features}))
    places = {"data-root": "root", "exec-root": "exec", "pidfile": "docker.pid"}
    return [
        "dockerd",
        f"--host={_socket(node)}",
        *(f"--{option}={root / place}" for option, place in places.items()),
        f"--config-file={settings}",
        f"--cgroup-parent={CGROUP}",
        *(f"--insecure-registry={known}" for known in node.registries if known.scheme == "http"),
        *(f"--registry-mirror={url}" for url in node.way.mirrors.values()),
        f"--storage-driver={store}",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
    ]
