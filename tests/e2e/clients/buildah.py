"""buildah: pulls as podman does, into storage of the same shape."""

import json
from typing import ClassVar

from tests.e2e.clients.daemonless import Daemonless
from tests.e2e.clients.shape import Pull, Spoken, speak
from tests.e2e.clients.storage import storage_environment
from tests.e2e.machine.seclusion import enclosed


class Buildah(Daemonless):
    """buildah on a node."""

    NEEDS: ClassVar[tuple[str, ...]] = ("buildah",)

    def pull(self, image: str) -> Pull:
        """`buildah pull`; the digests are the index's and, as id, the config's."""
        verify = not self.node.speaks_plain_http_for(image)
        spoken = self._say("pull", "--policy=always", f"--tls-verify={verify}", image)
        return Pull(spoken.exit_code, spoken.seen, self._digests())

    def push(self, image: str, name: str) -> Spoken:
        """`buildah push` of an image that is here, under another name."""
        return self._say("push", image, f"docker://{name}")

    def _digests(self) -> frozenset[str]:
        images = json.loads(self._say("images", "--json", "--no-trunc").printed) or ()
        return frozenset(image[key] for image in images for key in ("id", "digest"))

    def _say(self, *words: str) -> Spoken:
        command = enclosed(self.PROGRAMS.command(["buildah", *words], self.node.directory))
        return speak(self.node.way.taken_by(command), storage_environment(self.node))
