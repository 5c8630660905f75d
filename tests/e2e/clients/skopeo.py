"""skopeo: copies an image out of a registry into a folder, and from registry to registry."""

from typing import ClassVar

from tests.e2e.clients.daemonless import Daemonless
from tests.e2e.clients.fetchers import digests
from tests.e2e.clients.shape import Pull, Spoken, speak
from tests.e2e.clients.storage import storage_environment
from tests.e2e.machine.seclusion import enclosed


class Skopeo(Daemonless):
    """skopeo on a node."""

    NEEDS: ClassVar[tuple[str, ...]] = ("skopeo",)

    def pull(self, image: str) -> Pull:
        """`skopeo copy` into an OCI layout; the digest is that of the manifest that arrived."""
        layout = self.node.directory / "layout"
        verify = f"--src-tls-verify={not self.node.speaks_plain_http_for(image)}"
        spoken = self._copy(verify, f"docker://{image}", f"oci:{layout}:bench")
        return Pull(spoken.exit_code, spoken.seen, digests(layout))

    def copy(self, image: str, other: str) -> Spoken:
        """`skopeo copy --all` from registry to registry: the index too, byte for byte."""
        return self._copy("--all", f"docker://{image}", f"docker://{other}")

    def push(self, image: str, name: str) -> Spoken:
        """`skopeo copy` of what the tag is for this node, from registry to registry."""
        return self._copy(f"docker://{image}", f"docker://{name}")

    def _copy(self, *words: str) -> Spoken:
        skopeo = ["skopeo", "--insecure-policy", "copy", "--preserve-digests", *words]
        command = enclosed(self.PROGRAMS.command(skopeo, self.node.directory))
        return speak(self.node.way.taken_by(command), storage_environment(self.node))
