"""How much memory there is.

Knows /proc/meminfo. Must not know who uses it.
"""

import re
from collections.abc import Iterator

from metahub.node.detect.detection import Finding, Unknown, feature
from metahub.node.detect.machine import Machine, UnreadableError

MEMINFO = "/proc/meminfo"
_TOTAL = re.compile(r"^MemTotal:\s+([0-9]+) kB", re.MULTILINE)
_KIB_A_GIB = 1024 * 1024


def memory(machine: Machine) -> Iterator[Finding | Unknown]:
    """Whole GiB, rounded down: what firmware and kernel keep to themselves is not counted."""
    try:
        total = _TOTAL.search(machine.text(MEMINFO))
    except UnreadableError as error:
        yield Unknown("memory", str(error))
        return
    if total is None:
        yield Unknown("memory", f"{MEMINFO} has no line MemTotal")
        return
    yield memory_finding(int(total[1]), MEMINFO)


def memory_finding(kib: int, source: str) -> Finding:
    """So many KiB, as a feature in whole GiB."""
    gib = kib // _KIB_A_GIB
    return Finding("memory", f"{gib} GiB", source, (feature("memory", gib),))
