"""oras: copies the image of one platform out of a registry into a folder.

It insists that header, digest and content type say the same.
"""

from typing import ClassVar

from tests.e2e.clients import newer
from tests.e2e.clients.containerd import full_name
from tests.e2e.clients.daemonless import Daemonless
from tests.e2e.clients.fetchers import digests, fetch
from tests.e2e.clients.programs import Programs
from tests.e2e.clients.shape import Pull, Spoken


class Oras(Daemonless):
    """The newest oras on a node."""

    NEEDS: ClassVar[tuple[str, ...]] = ("oras",)
    PROGRAMS: ClassVar[Programs] = newer.FORKY

    def pull(self, image: str) -> Pull:
        """`oras copy` into an OCI layout; the digest is that of the manifest that arrived.

        `oras pull` takes only files that have a title, which layers of images have not.
        """
        layout = self.node.directory / "layout"
        target = ("--to-oci-layout", f"{layout}:bench")
        plain = ("--from-plain-http",) if self.node.speaks_plain_http_for(image) else ()
        spoken = self._say("copy", *plain, "--platform=linux/amd64", full_name(image), *target)
        return Pull(spoken.exit_code, spoken.seen, digests(layout))

    def copy(self, image: str, other: str) -> Spoken:
        """`oras copy` from registry to registry: the index too, byte for byte."""
        return self._say("copy", image, other)

    def manifest(self, image: str) -> Spoken:
        """`oras manifest fetch`: what a GET brings."""
        return self._say("manifest", "fetch", image)

    def discover(self, image: str) -> Spoken:
        """`oras discover`: what refers to it, as JSON."""
        return self._say("discover", "--format=json", image)

    def _say(self, *words: str) -> Spoken:
        return fetch(self.PROGRAMS, self.node, "oras", *words)


class OlderOras(Oras):
    """oras of the stable suite."""

    PROGRAMS: ClassVar[Programs] = newer.TRIXIE
