"""crane: copies the image of one platform out of a registry into a folder; it speaks HTTP/2."""

from typing import ClassVar

from tests.e2e.clients import newer
from tests.e2e.clients.daemonless import Daemonless
from tests.e2e.clients.fetchers import digests, fetch
from tests.e2e.clients.programs import Programs
from tests.e2e.clients.shape import Pull, Spoken


class Crane(Daemonless):
    """crane on a node. It verifies what it copies, and names no version."""

    NEEDS: ClassVar[tuple[str, ...]] = ("crane",)
    PROGRAMS: ClassVar[Programs] = newer.FORKY

    def pull(self, image: str) -> Pull:
        """`crane pull` into an OCI layout; the digest is that of the manifest that arrived."""
        layout = self.node.directory / "layout"
        spoken = self._say("pull", "--format=oci", "--platform=linux/amd64", image, str(layout))
        return Pull(spoken.exit_code, spoken.seen, digests(layout))

    def copy(self, image: str, other: str) -> Spoken:
        """`crane copy` from registry to registry: the index too, byte for byte."""
        return self._say("copy", image, other)

    def manifest(self, image: str) -> Spoken:
        """`crane manifest`: what a GET brings."""
        return self._say("manifest", image)

    def digest(self, image: str) -> Spoken:
        """`crane digest`: what a HEAD says."""
        return self._say("digest", image)

    def _say(self, *words: str) -> Spoken:
        has_plain = any(known.scheme == "http" for known in self.node.registries)
        plain = ("--insecure",) if has_plain else ()
        return fetch(self.PROGRAMS, self.node, "crane", *plain, *words)
