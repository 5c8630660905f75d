"""What keeps a program apart: its own mounts, processes, host names and control groups.

Knows unshare(1). Must not know which program runs inside.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

# Where clients keep state besides the roots that they are given; a tmpfs hides and forgets it.
SCRATCH = ("/run", "/dev/shm", "/var/lib/containers", "/var/lib/containerd", "/var/lib/docker")

# The parent of all control groups that clients make for containers, in every hierarchy.
CGROUP = f"/metahub-e2e-{os.getpid()}"
HIERARCHIES = Path("/sys/fs/cgroup")

_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")
_OWN_PROCESSES = ("--pid", "--fork", "--kill-child", "--mount-proc")
_WITH_HOSTS = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
_WITH_SCRATCH = (
    "for place in {places}; do"
    ' if [ -d "$place" ]; then mount -t tmpfs scratch "$place" || exit 1; fi;'
    ' done; exec "$@"'
).format(places=" ".join(SCRATCH))


def resolving(hosts: Path, command: Sequence[str]) -> list[str]:
    """The command where `hosts` stands for /etc/hosts; its process id stays the caller's."""
    return [*_OWN_MOUNTS, "sh", "-c", _WITH_HOSTS, "resolving", str(hosts), *command]


def enclosed(command: Sequence[str]) -> list[str]:
    """The command as first of its own processes: all that it starts and mounts ends with it."""
    return [*_OWN_MOUNTS, *_OWN_PROCESSES, "sh", "-c", _WITH_SCRATCH, "enclosed", *command]


@functools.cache
def is_allowed() -> bool:
    """Whether this user, on this machine, may make such namespaces."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(enclosed(["true"]), capture_output=True, check=False).returncode == 0


def forget_cgroups() -> None:
    """Remove the control groups that ended clients left; they are empty."""
    for parent in (*HIERARCHIES.glob(CGROUP[1:]), *HIERARCHIES.glob(f"*{CGROUP}")):
        for group, _, _ in parent.walk(top_down=False):
            group.rmdir()
