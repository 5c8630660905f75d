"""Programs newer than this machine's, from later suites of Debian: see .ci/newer-clients.

Knows where they lie and how one runs. Must not know what it is asked to do.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.e2e.machine import seclusion

CLIENTS = Path(__file__).parents[3] / ".venv" / "clients"

# program -> package, where the names differ; crane and cosign themselves do not know their version
_PACKAGES = MappingProxyType({"docker": "docker-cli", "dockerd": "docker.io", "ctr": "containerd"})

# A root of its own for one command: the suite's programs and settings, this machine's devices,
# processes, users and host names, and one directory, at the same place as outside.
# It becomes the root as switch_root(8) does it: a mere chroot is refused by some.
_STAGED = """\
set -e
suite=$1 stage=$1/stage directory=$2
shift 2
mount -t tmpfs stage "$stage"
for place in dev etc proc run sys tmp usr var; do mkdir "$stage/$place"; done
mount --bind -o ro "$suite/usr" "$stage/usr"
for place in bin sbin lib lib64; do
    if [ -d "$suite/usr/$place" ]; then ln -s "usr/$place" "$stage/$place"; fi
done
for place in etc var; do
    if [ -d "$suite/$place" ]; then cp -R "$suite/$place" "$stage"; fi
done
mkdir -p "$stage/var/tmp"
cp -L /etc/group /etc/hosts /etc/passwd "$stage/etc"
for name in localtime resolv.conf; do : >"$stage/etc/$name"; done
for place in dev proc sys; do mount --rbind "/$place" "$stage/$place"; done
mkdir -p "$stage$directory"
mount --bind "$directory" "$stage$directory"
cd "$stage"
mount --move . /
exec chroot . "$@"
"""


@dataclass(frozen=True, slots=True)
class Suite:
    """The programs of one suite, where they were unpacked."""

    name: str

    def command(self, words: Sequence[str], directory: Path) -> list[str]:
        """The command with the suite's programs; of this machine's files it sees a directory."""
        own_mounts = ("unshare", "--mount", "--propagation", "private")
        return [*own_mounts, "sh", "-c", _STAGED, "staged", str(self._root), str(directory), *words]

    def has(self, program: str) -> bool:
        """Whether a program was unpacked."""
        places = (self._root / "usr" / place / program for place in ("bin", "sbin"))
        return any(place.exists() for place in places)

    def version(self, program: str) -> str:
        """The version of a program that is there, without what Debian adds: `5.4.2`."""
        package = _PACKAGES.get(program, program)
        names = (self._root / "packages").read_text()
        found = re.search(rf"^{re.escape(package)}_(?:\d+%3a)?([\d.]*\d)", names, re.MULTILINE)
        return found[1] if found else "of an unknown version"

    def require(self, *programs: str) -> None:
        """Skip the test unless these programs can run. They are never a must: suites move on."""
        missing = [program for program in programs if not self.has(program)]
        if missing:
            which = f"{', '.join(missing)} of {self.name}"
            pytest.skip(f"{which}: not available here; `make newer-clients` unpacks it")
        if not seclusion.is_allowed():
            pytest.skip("newer clients need root, and unshare(1)")

    @property
    def _root(self) -> Path:
        return CLIENTS / self.name


TRIXIE, FORKY, SID = map(Suite, ("trixie", "forky", "sid"))
