"""Sockets, cores, and whether a core runs several threads.

Knows the kernel's CPU topology. Must not know what the CPUs are.
https://docs.kernel.org/admin-guide/cputopology.html
"""

import re
from collections.abc import Iterator

from metahub.node.detect.detection import Finding, Unknown, feature
from metahub.node.detect.machine import Machine

CPUS = "/sys/devices/system/cpu"
_CPU = re.compile(r"cpu[0-9]+")
_SMT = {"1": "on", "0": "off"}


def topology(machine: Machine) -> Iterator[Finding | Unknown]:
    """Counts what is online."""
    places = _places(machine)
    if not places:
        yield Unknown("sockets and cores", f"{CPUS}/cpu*/topology is not there")
        return
    sockets = {package for package, _ in places}
    yield _count("sockets", len(sockets))
    yield _count("cores", len(set(places)))
    yield from _threads(machine, len(places), len(set(places)))


def _places(machine: Machine) -> list[tuple[str, str]]:
    """The socket and the core of each CPU that is online."""
    below = (f"{CPUS}/{name}/topology" for name in machine.names_or_none(CPUS) if _is_cpu(name))
    places = (
        (machine.text_or(f"{path}/physical_package_id"), machine.text_or(f"{path}/core_id"))
        for path in below
    )
    return [(package, core) for package, core in places if core]


def _is_cpu(name: str) -> bool:
    return _CPU.fullmatch(name) is not None


def _count(what: str, number: int) -> Finding:
    return Finding(what, str(number), f"{CPUS}/cpu*/topology", (feature(what, number),))


def _threads(machine: Machine, threads: int, cores: int) -> Iterator[Finding]:
    path = f"{CPUS}/smt/active"
    said = _SMT.get(machine.text_or(path))
    source = path if said else f"{CPUS}/cpu*/topology"
    word = said or ("on" if threads > cores else "off")
    found = f"{word}, {threads} threads on {cores} cores"
    yield Finding("hyper-threading", found, source, (feature("smt", word),))
