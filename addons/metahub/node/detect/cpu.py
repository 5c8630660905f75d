"""What the CPU is, and what it runs.

Knows how /proc/cpuinfo names a CPU. Must not know how targets compare.
"""

from collections.abc import Iterator, Sequence

from archspec.cpu import Microarchitecture

from metahub.core.feature import Feature
from metahub.node.detect.cpuinfo import Block, blocks
from metahub.node.detect.detection import Finding, Unknown, feature
from metahub.node.detect.machine import Machine, UnreadableError
from metahub.node.detect.target import arm_vendor, level_of, target_of, what_all_run

CPUINFO = "/proc/cpuinfo"

# What tells one CPU from another. The other keys differ between the CPUs of one kind.
_OF_A_KIND = (
    "vendor_id",
    "flags",
    "CPU implementer",
    "CPU part",
    "Features",
    "cpu",
    "uarch",
    "model name",
)

_VENDORS = {
    "GenuineIntel": "intel",
    "AuthenticAMD": "amd",
    "HygonGenuine": "hygon",
    "CentaurHauls": "zhaoxin",
    "Shanghai": "zhaoxin",
}


def cpu(machine: Machine) -> Iterator[Finding | Unknown]:
    """The target, the level, and the vendor; of CPUs that differ what all of them run."""
    try:
        cpus = blocks(machine.text(CPUINFO))
    except UnreadableError as error:
        yield Unknown("CPU", str(error))
        return
    if not cpus:
        yield Unknown("CPU", f"{CPUINFO} describes no CPU")
        return
    kinds = _kinds(cpus)
    targets = [target for one in kinds if (target := target_of(machine.architecture, one))]
    if not targets or len(targets) < len(kinds):
        yield Unknown("CPU", f"archspec knows no CPU targets of {machine.architecture}")
        return
    target = what_all_run(targets)
    yield Finding("CPU", _in_words(target, kinds[0]), CPUINFO, (Feature("cpu", target.name),))
    yield from _vendor(machine, kinds[0], target)
    yield from _doubts(kinds, targets)


def _kinds(cpus: Sequence[Block]) -> list[Block]:
    """One CPU of each kind: a big.LITTLE machine has two."""
    kinds = {tuple(cpu.get(key) for key in _OF_A_KIND): cpu for cpu in reversed(cpus)}
    return list(reversed(kinds.values()))


def _in_words(target: Microarchitecture, cpu: Block) -> str:
    name = cpu.get("model name") or cpu.get("cpu") or target.name
    level = level_of(target)
    runs = f"{target.name}, runs {level}" if level not in (None, target.name) else target.name
    return f"{name} ({runs})" if name != target.name else name


def vendor_feature(vendor: str) -> Feature:
    """Who made a CPU, in one word."""
    return feature("cpu-vendor", _VENDORS.get(vendor, vendor))


def _vendor(machine: Machine, cpu: Block, target: Microarchitecture) -> Iterator[Finding]:
    vendor = cpu.get("vendor_id") if machine.architecture == "x86_64" else None
    if machine.architecture == "aarch64":
        vendor = arm_vendor(cpu)
    if vendor is None and target.vendor != "generic":
        vendor = target.vendor
    if vendor:
        yield Finding("CPU vendor", vendor, CPUINFO, (vendor_feature(vendor),))


def _doubts(kinds: Sequence[Block], targets: Sequence[Microarchitecture]) -> Iterator[Unknown]:
    names = sorted({target.name for target in targets})
    if len(names) > 1:
        yield Unknown("CPU", f"the CPUs differ ({', '.join(names)}): what all of them run is named")
    if "hypervisor" in kinds[0].get("flags", "").split():
        reason = "this is a virtual machine: the CPU is what its hypervisor shows of the real one"
        yield Unknown("CPU", reason)
