"""podman: no daemon, so every command gets namespaces of its own and the node's roots."""

import json
from typing import ClassVar

from tests.e2e.clients.daemonless import Daemonless
from tests.e2e.clients.shape import Pull, Spoken, speak
from tests.e2e.clients.storage import storage_environment
from tests.e2e.machine.seclusion import CGROUP, enclosed


class Podman(Daemonless):
    """podman on a node."""

    NEEDS: ClassVar[tuple[str, ...]] = ("podman", "runc")

    def pull(self, image: str) -> Pull:
        """`podman pull`; the digests are those of RepoDigests: the index and the manifest."""
        verify = not self.node.speaks_plain_http_for(image)
        spoken = self._say("pull", f"--tls-verify={verify}", image)
        return Pull(spoken.exit_code, spoken.seen, self._repo_digests(image))

    def run(self, image: str) -> Spoken:
        """`podman run` without a network."""
        options = ("--rm", "--pull=never", "--network=none", f"--cgroup-parent={CGROUP}")
        return self._say("run", *options, image)

    def push(self, image: str, name: str) -> Spoken:
        """`podman push` of an image that is here, under another name."""
        return self._say("push", image, f"docker://{name}")

    def _repo_digests(self, image: str) -> frozenset[str]:
        spoken = self._say("image", "inspect", "--format", "{{json .RepoDigests}}", image)
        names = json.loads(spoken.printed) if spoken.exit_code == 0 else []
        return frozenset(name.partition("@")[2] for name in names)

    def _say(self, *words: str) -> Spoken:
        command = enclosed(self.PROGRAMS.command(["podman", *words], self.node.directory))
        return speak(self.node.way.taken_by(command), storage_environment(self.node))
