"""containerd as a kubelet sees it: `PullImage` of the container runtime interface."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from tests.e2e.clients.containerd import full_name
from tests.e2e.clients.containerd_daemon import socket_of, started
from tests.e2e.clients.programs import HERE, Programs
from tests.e2e.clients.shape import Node, Pull, Spoken, speak
from tests.e2e.machine.running import Running, bare_environment, wait_until

CALL = Path(__file__).with_name("cri_call.py")


@dataclass(frozen=True, slots=True)
class Cri:
    """A running containerd; the proxy and the CA are the daemon's, the login is the kubelet's."""

    NEEDS: ClassVar[tuple[str, ...]] = ("containerd", "runc")
    PROGRAMS: ClassVar[Programs] = HERE

    node: Node
    daemon: Running

    @classmethod
    def on(cls, node: Node) -> Self:
        """Start a containerd on the node and wait until it answers."""
        cri = cls(node, started(node, cls.PROGRAMS, serves_kubelets=True))
        wait_until(lambda: cri._say("status", "nothing").exit_code == 0, cri.daemon)
        return cri

    def pull(self, image: str) -> Pull:
        """`PullImage`; the digests are those of the image's `repoDigests`."""
        login = self.node.login_for(image)
        words = (login.user, login.password) if login else ()
        spoken = self._say("pull", full_name(image), *words)
        return Pull(spoken.exit_code, spoken.seen, self._repo_digests(full_name(image)))

    def stop(self) -> None:
        """Kill the daemon; what it started ends with its namespaces."""
        self.daemon.kill()

    def _repo_digests(self, image: str) -> frozenset[str]:
        names = self._say("status", image).printed.split()
        return frozenset(name.partition("@")[2] for name in names)

    def _say(self, word: str, *more: str) -> Spoken:
        call = (sys.executable, str(CALL), str(socket_of(self.node)), word, *more)
        return speak(call, bare_environment())
