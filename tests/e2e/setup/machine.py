"""A machine for one test: this one's files as they are, and whatever changes them is private.

Knows overlayfs and unshare(1). Must not know which script runs there.
"""

import contextlib
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.e2e.machine.running import Running, bare_environment, eventually, start, wait_until
from tests.e2e.machine.seclusion import CGROUP, HIERARCHIES

LONGEST = 90.0  # seconds that a command may take
READY = ".ready"

# What changes is on a tmpfs, which goes with the last process of the namespace.
_LAYERS = """\
mount -t tmpfs layers "$1" && cd "$1" && mkdir changed work root
mount -t overlay machine -o "lowerdir=$2,upperdir=changed,workdir=work" root
"""
_KERNEL = f"""\
mkdir -p root/proc root/dev root/sys root/run root/tmp
mount -t proc proc root/proc; mount --rbind /dev root/dev; mount --rbind /sys root/sys
mount -t tmpfs run root/run; mount -t tmpfs tmp root/tmp && chmod 1777 root/tmp
mkdir root/run/layers && mount --rbind . root/run/layers
: >root/run/layers/{READY}
"""
# Nothing of the old root stays: in a chroot no user could make the namespaces of their own.
_MOVED = """\
mkdir root/run/old && cd root && pivot_root . run/old && cd /
umount -l /run/old && rmdir /run/old
"""
_IDLE = "exec /bin/sleep 1000000"

# Nothing but what a test asks for is started. The control groups are mounted anew, so that those
# that systemd finds itself in are the roots of all that it sees.
_UNIT = "metahub-test.target"
_SYSTEMD = f"""\
mount -t tmpfs groups root/sys/fs/cgroup
while IFS=: read -r _ names _; do
    case $names in
    '') folder=root/sys/fs/cgroup options='' kind=cgroup2
        if [ "$3" = hybrid ]; then folder=$folder/unified; fi ;;
    *) folder=root/sys/fs/cgroup/${{names#name=}} options="-o $names" kind=cgroup
        case $names in name=*) options="-o none,$names" ;; esac ;;
    esac
    mkdir -p "$folder"
    mount -t "$kind" $options groups "$folder"
done </proc/self/cgroup
rm -rf root/etc/systemd/system/*.wants
printf '[Unit]\\nAllowIsolate=yes\\n' >root/etc/systemd/system/{_UNIT}
{_MOVED}
exec env container=metahub \\
    /lib/systemd/systemd --system --unit={_UNIT} --log-target=console --show-status=0
"""

# In a group that is not the test's own, systemd would make its groups among this machine's.
_OWN_GROUP = f"{CGROUP}/machine"
JOINED = f"""\
for group in "$@"; do [ "$group" != -- ] || break; echo $$ >"$group/cgroup.procs" || exit 1; done
while [ "$1" != -- ]; do shift; done; shift
if grep -v ":{_OWN_GROUP}$" /proc/self/cgroup; then
    echo "these control groups cannot be the test's own" >&2
    exit 1
fi
exec "$@"
"""

_NAMESPACES = ("unshare", "--mount", "--propagation", "private")
_PROCESSES = ("--pid", "--fork", "--kill-child")
_APART = ("--uts", "--ipc", "--cgroup")

type Entry = tuple[object, ...] | None
"""What a path is: its type, mode, owner, and bytes or target. None where there is nothing."""


@dataclass(frozen=True, slots=True)
class Said:
    """A command that ended."""

    exit_code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that runs as long as its holder does."""

    holder: Running
    pid: int
    below: Path
    """What it is a copy of."""

    @property
    def root(self) -> Path:
        """Its files, from here."""
        return Path(f"/proc/{self.pid}/root")

    def path(self, path: str) -> Path:
        """One of them."""
        return self.root / path.lstrip("/")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file there, as somebody did before."""
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def read(self, path: str) -> str:
        """What a file holds."""
        return self.path(path).read_text()

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        text: str | None = None,
    ) -> Said:
        """A command there, as root, with nothing on its stdin but the text."""
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--uts", "--ipc"]
        inside += ["--root", "--wd", "--", *command]
        done = subprocess.run(
            inside,
            env=bare_environment(HOME="/root") | dict(environment or {}),
            input=text or "",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LONGEST,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def sh(self, line: str) -> str:
        """What a line of shell prints, that has to work."""
        said = self.run(["sh", "-c", line])
        assert said.exit_code == 0, said
        return said.out

    def tree(self) -> dict[str, Entry]:
        """All that has been changed so far, wherever it is, and what it is now."""
        changed = self.path("/run/layers/changed")
        paths = (
            Path(folder, name).relative_to(changed)
            for folder, folders, names in os.walk(changed)
            for name in (*folders, *names)
        )
        return {str(path): _entry(self.root / path) for path in paths}

    def differences(self, before: dict[str, Entry]) -> list[str]:
        """The paths that are not as they were when `before` was the tree."""
        now = self.tree()
        return sorted(
            path
            for path in before.keys() | now.keys()
            if self._at(path, before) != self._at(path, now)
        )

    def _at(self, path: str, tree: Mapping[str, Entry]) -> Entry:
        return tree[path] if path in tree else _entry(self.below / path)


@contextmanager
def machine(place: Path, below: Path = Path("/")) -> Iterator[Machine]:
    """One without an init."""
    script = f"set -e\n{_LAYERS}{_KERNEL}{_MOVED}{_IDLE}"
    with _held(place, [*_NAMESPACES, *_PROCESSES], script, below) as running:
        yield running


@contextmanager
def booted(place: Path) -> Iterator[Machine]:
    """One that systemd runs, with none of this machine's services."""
    script = f"set -e\n{_LAYERS}{_KERNEL}{_SYSTEMD}"
    with _own_groups() as groups:
        joined = ["sh", "-c", JOINED, "joined", *map(str, groups), "--"]
        namespaces = [*joined, *_NAMESPACES, *_PROCESSES, *_APART]
        with _held(place, namespaces, script, Path("/")) as running:
            wait_until(lambda: _has_booted(running), running.holder)
            yield running


@contextmanager
def _held(place: Path, namespaces: Sequence[str], script: str, below: Path) -> Iterator[Machine]:
    directory = Path(tempfile.mkdtemp(prefix="machine-", dir=place))
    kind = "hybrid" if (HIERARCHIES / "unified").exists() else "one"
    command = ["sh", "-c", script, "machine", str(directory), str(below), kind]
    log = place / f"{directory.name}.log"
    holder = start([*namespaces, *command], log=log, environment=bare_environment())
    try:
        wait_until(lambda: _ready(holder, below) is not None, holder)
        running = _ready(holder, below)
        assert running
        yield running
    finally:
        holder.kill()
        directory.rmdir()
        log.unlink()


def _ready(holder: Running, below: Path) -> Machine | None:
    """The machine, once it is one: what the holder starts first may be on the way to that."""
    pid = _first(holder)
    running = Machine(holder, pid, below) if pid else None
    is_there = running and running.path(f"/run/layers/{READY}").exists()
    return running if is_there else None


def _first(holder: Running) -> int | None:
    """The first process of the namespace, by its id out here."""
    pid = holder.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def _has_booted(running: Machine) -> bool:
    said = running.run(["systemctl", "is-active", _UNIT])
    return said.out == "active\n"


@contextmanager
def _own_groups() -> Iterator[list[Path]]:
    """A control group of the tests' own in each hierarchy, for what ends before they do."""
    groups = [root / _OWN_GROUP[1:] for root in _hierarchies()]
    forget_stale(HIERARCHIES)
    try:
        for group in groups:
            group.mkdir(parents=True, exist_ok=True)
            _fill_cpuset(group)
        yield groups
    finally:
        _forget(groups)


def forget_stale(hierarchies: Path) -> None:
    """Remove the groups of tests that were killed, whose processes went with them."""
    prefix, _, _ = CGROUP[1:].rpartition("-")
    for top in (*hierarchies.glob(f"{prefix}-*"), *hierarchies.glob(f"*/{prefix}-*")):
        if Path("/proc", top.name.rpartition("-")[2]).exists():
            continue
        for group, _, _ in top.walk(top_down=False):
            with contextlib.suppress(OSError):
                group.rmdir()


def _hierarchies() -> list[Path]:
    if (HIERARCHIES / "cgroup.procs").exists():
        return [HIERARCHIES]
    return [path for path in HIERARCHIES.iterdir() if (path / "cgroup.procs").exists()]


def _fill_cpuset(group: Path) -> None:
    """Nothing may run in a group of cpuset that has no CPUs of its own."""
    for each in (group.parent, group):
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (each / name).exists() and not (each / name).read_text().strip():
                (each / name).write_text((each.parent / name).read_text())


def _forget(groups: Sequence[Path]) -> None:
    """Processes leave their groups a moment after they are killed."""
    for top in groups:
        for group, _, _ in top.walk(top_down=False):
            assert eventually(partial(_is_removed, group))


def _is_removed(group: Path) -> bool:
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()


def _entry(path: Path) -> Entry:
    try:
        found = path.lstat()
    except OSError:
        return None
    about = (stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
    if stat.S_ISLNK(found.st_mode):
        return (*about, str(path.readlink()))
    return (*about, path.read_bytes()) if stat.S_ISREG(found.st_mode) else about
