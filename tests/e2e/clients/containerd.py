"""containerd: a daemon with its own root, and the `ctr` that resolves, fetches and runs."""

from dataclasses import dataclass
from typing import ClassVar, Self

from tests.e2e.clients.containerd_daemon import hosts_directory, socket_of, started
from tests.e2e.clients.programs import HERE, Programs
from tests.e2e.clients.shape import Node, Pull, Spoken, speak
from tests.e2e.machine.running import Running, wait_until
from tests.e2e.machine.seclusion import CGROUP


@dataclass(frozen=True, slots=True)
class Containerd:
    """A running containerd; the proxy, the CA and the login are `ctr`'s own."""

    NEEDS: ClassVar[tuple[str, ...]] = ("containerd", "ctr", "runc")
    PROGRAMS: ClassVar[Programs] = HERE

    node: Node
    daemon: Running

    @classmethod
    def on(cls, node: Node) -> Self:
        """Start a containerd on the node and wait until it answers."""
        containerd = cls(node, started(node, cls.PROGRAMS))
        wait_until(lambda: containerd._ctr("version").exit_code == 0, containerd.daemon)
        return containerd

    def pull(self, image: str) -> Pull:
        """`ctr image pull`; the digest is that of the image's target."""
        login = self.node.login_for(image)
        user = ("--user", f"{login.user}:{login.password}") if login else ()
        plain = ("--plain-http",) if self.node.speaks_plain_http_for(image) else ()
        hosts = ("--hosts-dir", str(hosts_directory(self.node))) if self.node.way.mirrors else ()
        options = ("--snapshotter=native", *plain, *hosts, *user)
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
        ctr = ["ctr", f"--address={socket_of(self.node)}", *words]
        command = self.PROGRAMS.command(ctr, self.node.directory)
        return speak(self.node.way.taken_by(command), self.node.environment())


def full_name(image: str) -> str:
    """The reference as `ctr` wants it: with a tag or a digest."""
    last = image.rpartition("/")[2]
    return image if ":" in last or "@" in last else f"{image}:latest"
