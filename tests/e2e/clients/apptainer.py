"""apptainer: makes one file of an image, and keeps it under a key made of the digest of a HEAD."""

from dataclasses import dataclass
from typing import ClassVar, Self

from tests.e2e import newer
from tests.e2e.clients.shape import Node, Pull, Spoken, speak
from tests.e2e.seclusion import enclosed

# Of its starter it knows the place only when something else started it.
_AS_A_CHILD = ("sh", "-c", '"$@"; exit $?', "child")


@dataclass(frozen=True, slots=True)
class Apptainer:
    """apptainer on a node, with a cache of the node's own."""

    NEEDS: ClassVar[tuple[str, ...]] = ()  # nothing of this machine's own
    SUITE: ClassVar[str] = newer.SID

    node: Node

    @classmethod
    def on(cls, node: Node) -> Self:
        """Nothing to start."""
        newer.require(cls.SUITE, "apptainer")
        return cls(node)

    def pull(self, image: str) -> Pull:
        """`apptainer pull`; instead of digests it has the keys of all that is in its cache."""
        file = self.node.directory / "bench.sif"
        spoken = self._say("pull", "--force", str(file), f"docker://{image}")
        return Pull(spoken.exit_code, spoken.seen, self._keys())

    def run(self, image: str) -> Spoken:
        """`apptainer build` and `apptainer run`; the build asks for the image again.

        It builds a folder: to mount a SIF takes capabilities that root in a container lacks.
        """
        box = str(self.node.directory / "box")
        built = self._say("build", "--force", "--sandbox", box, f"docker://{image}")
        return self._say("run", "--userns", "--contain", box) if built.exit_code == 0 else built

    def stop(self) -> None:
        """Nothing runs on."""

    def _keys(self) -> frozenset[str]:
        kept = self.node.directory / "cache/cache/oci-tmp"
        return frozenset(file.name for file in kept.glob("*"))

    def _say(self, *words: str) -> Spoken:
        command = (*_AS_A_CHILD, "apptainer", "--silent", *words)
        visible = (self.node.directory, self.node.trusted)
        return speak(enclosed(newer.command(self.SUITE, command, visible)), self._environment())

    def _environment(self) -> dict[str, str]:
        place = str(self.node.directory)
        own = {"APPTAINER_CACHEDIR": f"{place}/cache", "APPTAINER_TMPDIR": place}
        plain = {"APPTAINER_NOHTTPS": "true"} if self.node.speaks_plain_http else {}
        return {**self.node.environment(), **own, **plain, **_login(self.node)}


def _login(node: Node) -> dict[str, str]:
    if node.login is None:
        return {}
    name, word = "APPTAINER_DOCKER_USERNAME", "APPTAINER_DOCKER_PASSWORD"
    return {name: node.login.user, word: node.login.password}
