"""The CPU target of archspec that a CPU is.

Knows what archspec's own rule wants to be told. Must not know files or other machine parts.
"""

import re
from collections.abc import Collection, Iterable

import archspec.cpu
from archspec.cpu import Microarchitecture
from archspec.cpu.detect import COMPATIBILITY_CHECKS, partial_uarch
from archspec.cpu.schema import TARGETS_JSON

from metahub.node.detect.cpuinfo import Block

_POWER = ("ppc64le", "ppc64")
_GENERATION = re.compile(r"POWER([0-9]+)")
_LEVEL = re.compile(r"x86_64_v[0-9]")


def target_of(architecture: str, cpu: Block) -> Microarchitecture | None:
    """The target of a CPU that /proc/cpuinfo describes; None if archspec has none for it."""
    if architecture == "x86_64":
        return x86_target(cpu.get("vendor_id", "generic"), cpu.get("flags", "").split())
    if architecture == "aarch64":
        return _arm_target(cpu)
    if architecture in _POWER:
        return _power_target(architecture, cpu)
    if architecture == "riscv64":
        return _closest(_that_run(architecture, partial_uarch(name=_riscv_name(cpu))))
    return None


def x86_target(vendor: str, flags: Iterable[str]) -> Microarchitecture:
    """The target of an x86-64 CPU with these flags, in the words of /proc/cpuinfo."""
    return _closest(_that_run("x86_64", partial_uarch(vendor=vendor, features=set(flags))))


def what_all_run(targets: Collection[Microarchitecture]) -> Microarchitecture:
    """The closest target of those that every one of these CPUs runs."""
    run_by_each = ({target, *target.ancestors} for target in targets)
    return max(set.intersection(*run_by_each), key=_depth)


def level_of(target: Microarchitecture) -> str | None:
    """The highest x86-64 level that a target runs, like `x86_64_v3`; None of other families."""
    names = {target.name, *(ancestor.name for ancestor in target.ancestors)}
    return max(filter(_LEVEL.fullmatch, names), default=None)


def _arm_target(cpu: Block) -> Microarchitecture | None:
    part = cpu.get("CPU part", "")
    told = partial_uarch(vendor=arm_vendor(cpu), features=set(cpu.get("Features", "").split()))
    runs = _that_run("aarch64", told)
    return _closest([target for target in runs if part and target.cpu_part == part], runs)


def arm_vendor(cpu: Block) -> str:
    """Who designed an Arm CPU; the number itself, if archspec knows no name for it."""
    number = cpu.get("CPU implementer", "generic")
    return str(TARGETS_JSON["conversions"]["arm_vendors"].get(number, number))


def _power_target(architecture: str, cpu: Block) -> Microarchitecture | None:
    """By generation. The check of archspec asks what this machine is, so it is of no use here."""
    said = _GENERATION.search(cpu.get("cpu", ""))
    generation = int(said[1]) if said else 0
    return _closest(
        target
        for target in archspec.cpu.TARGETS.values()
        if target.family.name == architecture and target.generation <= generation
    )


def _riscv_name(cpu: Block) -> str:
    """`sifive,u74-mc` is archspec's u74mc. Some kernels name the X60 as the model only."""
    if cpu.get("model name") == "Spacemit(R) X60":
        return "x60"
    return cpu.get("uarch", "riscv64").rpartition(",")[2].replace("-", "")


def _that_run(family: str, told: Microarchitecture) -> list[Microarchitecture]:
    check = COMPATIBILITY_CHECKS[family]
    return [target for target in archspec.cpu.TARGETS.values() if check(told, target)]


def _closest(
    candidates: Iterable[Microarchitecture], all_that_run: Collection[Microarchitecture] = ()
) -> Microarchitecture | None:
    """The most specific target beyond the best generic one, which a missing flag does not undercut.

    https://github.com/archspec/archspec/blob/master/archspec/cpu/detect.py
    """
    candidates = list(candidates) or list(all_that_run)
    generic = [target for target in (*candidates, *all_that_run) if target.vendor == "generic"]
    best = max(generic, key=_depth, default=None)
    beyond = [target for target in candidates if best is not None and target > best]
    return max(beyond, key=_depth, default=best)


def _depth(target: Microarchitecture) -> tuple[int, int]:
    return len(target.ancestors), len(target.features)
