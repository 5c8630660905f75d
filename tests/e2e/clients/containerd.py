"""containerd: a daemon with its own root, and the `ctr` that resolves, fetches and runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from tests.e2e.clients.shape import Node, Pull, Spoken, speak
from tests.e2e.running import Running, start, wait_until
from tests.e2e.seclusion import CGROUP, enclosed

_CONFIG = """\
version = 2
root = "{root}/root"
state = "{root}/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.overlayfs",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
address = "{root}/containerd.sock"
[ttrpc]
address = "{root}/containerd.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "{root}/opt"
"""


@dataclass(frozen=True, slots=True)
class Containerd:
    """A running containerd; the proxy, the CA and the login are `ctr`'s own."""

    NEEDS: ClassVar[tuple[str, ...]] = ("containerd", "ctr", "runc")

    node: Node
    daemon: Running

    @classmethod
    def on(cls, node: Node) -> Self:
        """Start a containerd on the node and wait until it answers."""
        command = ["containerd", "--config", str(_config(node))]
        log = node.directory / "containerd.log"
        daemon = start(enclosed(command), log=log, environment=node.environment())
        containerd = cls(node, daemon)
        wait_until(lambda: containerd._ctr("version").exit_code == 0, daemon)
        return containerd

    def pull(self, image: str) -> Pull:
        """`ctr image pull`; the digest is that of the image's target."""
        login = self.node.login
        user = ("--user", f"{login.user}:{login.password}") if login else ()
        plain = ("--plain-http",) if self.node.speaks_plain_http else ()
        options = ("--snapshotter=native", *plain, *user)
        spoken = self._ctr("image", "pull", *options, full_name(image))
        return Pull(spoken.exit_code, spoken.seen, self._targets(full_name(image)))

    def run(self, image: str) -> Spoken:
        """`ctr run` without a network."""
        pipes = f"--fifo-dir={self.node.directory}"  # the daemon has a /run of its own
        options = ("--rm", "--snapshotter=native", f"--cgroup={CGROUP}/bench", pipes)
        return self._ctr("run", *options, full_name(image), "bench")

    def stop(self) -> None:
        """Kill the daemon; its shims and mounts end with its namespaces."""
        self.daemon.kill()

    def _targets(self, image: str) -> frozenset[str]:
        rows = self._ctr("image", "ls", f"name=={image}").printed.splitlines()[1:]
        return frozenset(row.split()[2] for row in rows)

    def _ctr(self, *words: str) -> Spoken:
        address = f"--address={self.node.directory}/containerd.sock"
        return speak(["ctr", address, *words], self.node.environment())


def full_name(image: str) -> str:
    """The reference as `ctr` wants it: with a tag or a digest."""
    last = image.rpartition("/")[2]
    return image if ":" in last or "@" in last else f"{image}:latest"


def _config(node: Node) -> Path:
    path = node.directory / "config.toml"
    path.write_text(_CONFIG.format(root=node.directory))
    return path
