"""cosign: signs what a registry has, and says whether a signature is there and holds."""

from dataclasses import dataclass
from typing import ClassVar, Self

from tests.e2e import newer
from tests.e2e.clients.fetchers import digests, fetch
from tests.e2e.clients.shape import Node, Pull, Spoken


@dataclass(frozen=True, slots=True)
class Cosign:
    """The newest cosign on a node, with a key pair of its own and no log in the world.

    It keeps signatures as referrers, in the tag `sha256-<hex>` where a registry has no such API.
    """

    NEEDS: ClassVar[tuple[str, ...]] = ()  # nothing of this machine's own
    SUITE: ClassVar[str] = newer.FORKY
    OFFLINE: ClassVar[tuple[str, ...]] = ("--tlog-upload=false", "--use-signing-config=false")

    node: Node

    @classmethod
    def on(cls, node: Node) -> Self:
        """Make the key pair."""
        newer.require(cls.SUITE, "cosign")
        cosign = cls(node)
        made = cosign._say("generate-key-pair", f"--output-key-prefix={node.directory / 'cosign'}")
        assert made.exit_code == 0, made.seen
        return cosign

    @property
    def public_key(self) -> str:
        """What another node needs to verify what this one signed."""
        return (self.node.directory / "cosign.pub").read_text()

    def pull(self, image: str) -> Pull:
        """`cosign save` into an OCI layout; the digest is that of the index that arrived."""
        layout = self.node.directory / "layout"
        spoken = self._say("save", f"--dir={layout}", image)
        return Pull(spoken.exit_code, spoken.seen, digests(layout))

    def sign(self, image: str) -> Spoken:
        """`cosign sign --recursive`: an index, and each image in it."""
        key = f"--key={self.node.directory / 'cosign.key'}"
        return self._say("sign", "--yes", "--recursive", key, *self.OFFLINE, image)

    def verify(self, image: str, public_key: str) -> Spoken:
        """`cosign verify` with somebody's key."""
        file = self.node.directory / "signer.pub"
        file.write_text(public_key)
        return self._say("verify", "--insecure-ignore-tlog", f"--key={file}", image)

    def stop(self) -> None:
        """Nothing runs on."""

    def _say(self, *words: str) -> Spoken:
        return fetch(self.SUITE, self.node, "cosign", *words, COSIGN_PASSWORD="")


class OlderCosign(Cosign):
    """cosign of the stable suite: it keeps signatures in the tag `sha256-<hex>.sig`."""

    SUITE = newer.TRIXIE
    OFFLINE = ("--tlog-upload=false",)
