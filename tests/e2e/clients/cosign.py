"""cosign: saves what a registry has. What it signs and verifies is another story: signatures/."""

from typing import ClassVar

from tests.e2e.clients import newer
from tests.e2e.clients.daemonless import Daemonless
from tests.e2e.clients.fetchers import digests, fetch
from tests.e2e.clients.programs import Programs
from tests.e2e.clients.shape import Pull


class Cosign(Daemonless):
    """The newest cosign on a node."""

    NEEDS: ClassVar[tuple[str, ...]] = ("cosign",)
    PROGRAMS: ClassVar[Programs] = newer.FORKY

    def pull(self, image: str) -> Pull:
        """`cosign save` into an OCI layout; the digest is that of the index that arrived."""
        layout = self.node.directory / "layout"
        plain = ("--allow-http-registry",) if self.node.speaks_plain_http_for(image) else ()
        words = ("save", *plain, f"--dir={layout}", image)
        spoken = fetch(self.PROGRAMS, self.node, "cosign", *words)
        return Pull(spoken.exit_code, spoken.seen, digests(layout))
