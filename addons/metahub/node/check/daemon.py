"""The running daemon of a runtime: what it was started with, and when.

Knows proc(5). Must not know what its variables are for.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from metahub.node.check.root import Root, UnreadableError


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process. Its environment is None where this user may not read it."""

    name: str
    pid: int
    started: float
    """Seconds of the Unix time."""
    environment: Mapping[str, str] | None = field(repr=False)

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"

    @classmethod
    def found(cls, root: Root, names: tuple[str, ...], pid: int | None, now: float) -> Self | None:
        """The process `pid`, or the oldest of one of the names; None if none runs."""
        for candidate in [pid] if pid else _pids(root):
            name = (root.text(f"/proc/{candidate}/comm") or "").strip()
            if name and (pid or name in names):
                return cls(name, candidate, _started(root, candidate, now), _of(root, candidate))
        return None


def _pids(root: Root) -> Iterator[int]:
    names = (path.rpartition("/")[2] for path in root.files("/proc", "[0-9]*"))
    yield from sorted(map(int, names))


def _started(root: Root, pid: int, now: float) -> float:
    """From the clock of the boot, which nobody sets: the other one may have been set since."""
    fields = (root.text(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
    uptime = (root.text("/proc/uptime") or "").split()
    if len(fields) < 20 or not uptime:
        return now
    return now - float(uptime[0]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _of(root: Root, pid: int) -> Mapping[str, str] | None:
    try:
        text = root.text(f"/proc/{pid}/environ")
    except UnreadableError:
        return None
    pairs = (entry.partition("=") for entry in (text or "").split("\0") if "=" in entry)
    return {name: value for name, _, value in pairs}
