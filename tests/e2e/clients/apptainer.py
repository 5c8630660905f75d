"""apptainer: makes one file of an image, and keeps it under a key made of the digest of a HEAD."""

import shutil
from pathlib import Path
from typing import ClassVar

from tests.e2e.clients import newer
from tests.e2e.clients.daemonless import Daemonless
from tests.e2e.clients.fetchers import digests
from tests.e2e.clients.programs import Programs
from tests.e2e.clients.shape import Pull, Spoken, speak
from tests.e2e.machine.seclusion import enclosed

# Of its starter it knows the place only when something else started it.
_AS_A_CHILD = ("sh", "-c", '"$@"; exit $?', "child")


class Apptainer(Daemonless):
    """apptainer on a node, with a cache of the node's own."""

    NEEDS: ClassVar[tuple[str, ...]] = ("apptainer",)
    PROGRAMS: ClassVar[Programs] = newer.SID

    def pull(self, image: str) -> Pull:
        """`apptainer pull`; the digests are those of all manifests in its cache."""
        file = self.node.directory / "bench.sif"
        plain = ("--no-https",) if self.node.speaks_plain_http_for(image) else ()
        spoken = self._say("pull", *plain, "--force", str(file), f"docker://{image}")
        return Pull(spoken.exit_code, spoken.seen, digests(self._cache / "blob"))

    def run(self, image: str) -> Spoken:
        """`apptainer build` and `apptainer run`; the build asks for the image again.

        It builds a folder: to mount a SIF takes capabilities that root in a container lacks.
        """
        box = str(self.node.directory / "box")
        built = self._say("build", "--force", "--sandbox", box, f"docker://{image}")
        return self._say("run", "--userns", "--contain", box) if built.exit_code == 0 else built

    @property
    def keys(self) -> frozenset[str]:
        """Under what it keeps the images that it made, one for each digest that a HEAD told."""
        return frozenset(file.name for file in (self._cache / "oci-tmp").glob("*"))

    @property
    def _cache(self) -> Path:
        return self.node.directory / "cache" / "cache"

    def _say(self, *words: str) -> Spoken:
        apptainer = (*_AS_A_CHILD, "apptainer", "--silent", *words)
        command = enclosed(self.PROGRAMS.command(apptainer, self.node.directory))
        return speak(self.node.way.taken_by(command), self._environment())

    def _environment(self) -> dict[str, str]:
        place = str(self.node.directory)
        own = {"APPTAINER_CACHEDIR": f"{place}/cache", "APPTAINER_TMPDIR": place}
        login = self.node.directory / ".apptainer" / "docker-config.json"
        login.parent.mkdir(exist_ok=True)
        shutil.copy(self.node.login_file(), login)
        return {**self.node.environment(), **own}
