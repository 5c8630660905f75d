"""Nodes made of files in a directory.

Knows where a node has what. Must not know what is asked of it.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from metahub.node.check import Node, Root

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
DROP_IN = "/etc/systemd/system/docker.service.d/metahub.conf"
UNIT = "/lib/systemd/system/docker.service"
UPTIME = 1000.0  # seconds since the boot of every node here


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Put these files below a directory, by the paths that they have on a node."""
    for path, content in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())


def node(root: Path, files: Mapping[str, str | bytes], **environment: str) -> Node:
    """A node of these files, on which somebody with this environment asks."""
    write(root, files)
    return Node(Root(root), environment)


def docker(root: Path, variables: str, files: Mapping[str, str | bytes] | None = None) -> Node:
    """A node with a docker that a drop-in tells `variables`."""
    told = f"[Service]\nEnvironment={variables}\n"
    return node(root, {UNIT: "[Service]\n", DROP_IN: told, **(files or {})})


def daemon(name: str, pid: int, age: float, environment: Mapping[str, str]) -> dict[str, str]:
    """The files of a process that was started `age` seconds ago."""
    ticks = int((UPTIME - age) * os.sysconf("SC_CLK_TCK"))
    before = " ".join(["S", *["0"] * 18])
    return {
        "/proc/uptime": f"{UPTIME} 0\n",
        f"/proc/{pid}/comm": f"{name}\n",
        f"/proc/{pid}/stat": f"{pid} ({name}) {before} {ticks} 0\n",
        f"/proc/{pid}/environ": "".join(f"{key}={value}\0" for key, value in environment.items()),
    }


def age(root: Path, path: str, seconds: float) -> None:
    """Have a file be that old."""
    then = time.time() - seconds
    os.utime(root / path.lstrip("/"), (then, then))
