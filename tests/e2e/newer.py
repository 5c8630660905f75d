"""Programs newer than this machine's, from later suites of Debian: see .ci/newer-clients.

Knows where they lie and how one runs. Must not know what it is asked to do.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.e2e import seclusion

CLIENTS = Path(__file__).parents[2] / ".venv" / "clients"
TRIXIE, FORKY, SID = SUITES = ("trixie", "forky", "sid")

# program -> package, where the names differ; crane and cosign themselves do not know their version
_PACKAGES = MappingProxyType({"docker": "docker-cli", "dockerd": "docker.io", "ctr": "containerd"})

# A root of its own for one command: the suite's programs and settings, this machine's devices,
# processes, users and host names, and whatever is to be visible, at the same place as outside.
# It becomes the root as switch_root(8) does it: a mere chroot is refused by some.
_STAGED = """\
set -e
suite=$1 stage=$1/stage
shift
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
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir -p "$stage$1"
    else mkdir -p "$stage${1%/*}" && : >"$stage$1"
    fi
    mount --bind "$1" "$stage$1"
    shift
done
shift
cd "$stage"
mount --move . /
exec chroot . "$@"
"""


def command(suite: str, words: Sequence[str], visible: Iterable[Path]) -> list[str]:
    """The command with the programs of a suite; of the machine's files it sees these."""
    places = map(str, visible)
    root = str(CLIENTS / suite)
    own_mounts = ("unshare", "--mount", "--propagation", "private")
    return [*own_mounts, "sh", "-c", _STAGED, "staged", root, *places, "--", *words]


def has(suite: str, program: str) -> bool:
    """Whether a program of this suite was unpacked."""
    return any((CLIENTS / suite / "usr" / place / program).exists() for place in ("bin", "sbin"))


def version(suite: str, program: str) -> str:
    """The program and its version, as a person writes it: `podman 5.4.2`."""
    package = _PACKAGES.get(program, program)
    names = (CLIENTS / suite / "packages").read_text()
    found = re.search(rf"^{re.escape(package)}_(?:\d+%3a)?([\d.]+)", names, re.MULTILINE)
    return f"{program} {found[1] if found else 'of an unknown version'}"


def require(suite: str, *programs: str) -> None:
    """Skip the test unless these programs can run here. They are never a must: suites move on."""
    missing = [program for program in programs if not has(suite, program)]
    if missing:
        pytest.skip(f"no {', '.join(missing)} of {suite} here: `make newer-clients` unpacks it")
    if not seclusion.is_allowed():
        pytest.skip("newer clients need root, and unshare(1)")
