"""NVIDIA's GPUs, their driver, and the CUDA that it speaks.

Knows nvidia-smi, and what the kernel shows where there is none. Must not know other vendors.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from metahub.core.feature import Feature
from metahub.node.detect.detection import Finding, Unknown, feature
from metahub.node.detect.gpu_models import NVIDIA
from metahub.node.detect.machine import Machine, UnreadableError
from metahub.node.detect.pci import PciDevice, gpus_of

VENDOR = 0x10DE
SMI = "nvidia-smi"
MODULE = "/sys/module/nvidia/version"

# compute_cap came with driver 510, MIG's mode with 450: an older one refuses the whole query.
# https://docs.nvidia.com/deploy/nvidia-smi/index.html
_FIELDS = ("pci.device_id", "driver_version", "name", "compute_cap", "mig.mode.current")
QUERIES = tuple(
    (SMI, f"--query-gpu={','.join(_FIELDS[:number])}", "--format=csv,noheader") for number in (5, 3)
)

# The header, which no query gives. Drivers from 610 on call it the user-mode driver's.
_CUDA = re.compile(r"CUDA (?:UMD )?Version\s*: *([0-9]+\.[0-9]+)")
_CAPABILITY = re.compile(r"([0-9]+)\.([0-9]+)")
_NUMBER = re.compile(r"0x[0-9A-Fa-f]{8}")  # 0x20B010DE

# What stands in a field that a GPU does not answer: [N/A], [Unknown Error], ERR!
_NO_ANSWER = re.compile(r"\[.*\]|ERR!|")
_LONGEST = 200  # characters that are shown of a line
_UNKNOWN_CAPABILITY = "its compute capability is not known"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, as far as it is known."""

    name: str
    capability: str | None
    has_mig: bool = False
    is_one: bool = True
    """False if the name is of several models."""

    def __str__(self) -> str:
        capability = f", compute capability {self.capability}" if self.capability else ""
        return f"{self.name}{capability}{', MIG on' if self.has_mig else ''}"


def nvidia_gpus(machine: Machine) -> Iterator[Finding | Unknown]:
    """The GPUs, the driver and CUDA: by nvidia-smi, else as far as the kernel shows them."""
    present = gpus_of(machine, VENDOR)
    try:
        rows, others = _asked(machine)
    except UnreadableError as error:
        yield from _without_smi(machine, present, str(error))
        return
    for line in others:
        yield Unknown("NVIDIA GPU", f"{SMI}: {line[:_LONGEST]}")
    yield from told(Counter(map(_gpu, rows)), f"{SMI} --query-gpu")
    yield from driver({row[1] for row in rows}, f"{SMI} --query-gpu")
    yield from _cuda(machine)


def _asked(machine: Machine) -> tuple[list[list[str]], list[str]]:
    """The answers to the longest query that the driver takes, one for each GPU; and other lines.

    Those are warnings, and GPUs that are lost.
    """
    longest, *shorter = QUERIES
    try:
        answer = machine.run(longest)
    except UnreadableError as error:
        if "not a valid field" not in str(error):
            raise
        answer = machine.run(shorter[0])
    rows = [_row(line) for line in answer.splitlines()]
    if not any(map(_is_gpu, rows)):
        raise UnreadableError(f"{SMI}: {answer.partition('\n')[0][:_LONGEST] or 'names no GPU'}")
    others = [", ".join(row) for row in rows if not _is_gpu(row)]
    return [row for row in rows if _is_gpu(row)], others


def _row(line: str) -> list[str]:
    return [field.strip() for field in line.split(",")]


def _is_gpu(row: Sequence[str]) -> bool:
    """It has as many fields as were asked for, and a number on the bus."""
    return len(row) in (len(_FIELDS), 3) and _NUMBER.fullmatch(row[0]) is not None


def _gpu(row: Sequence[str]) -> Gpu:
    """Where the driver is too old to say it, or the GPU in no state to, the number tells."""
    number, _, name, *newer = row
    device = int(number[2:6], 16)
    said = newer[0] if newer else ""
    listed = NVIDIA.get(device)
    capability = said if _CAPABILITY.fullmatch(said) else listed.runs if listed else None
    if not _NO_ANSWER.fullmatch(name):
        return Gpu(name, capability, newer[1:] == ["Enabled"])
    if listed is None:
        return Gpu(f"{VENDOR:04x}:{device:04x}", capability, is_one=False)
    return Gpu(listed.name, capability, newer[1:] == ["Enabled"], listed.is_one)


def _without_smi(
    machine: Machine, present: Sequence[PciDevice], reason: str
) -> Iterator[Finding | Unknown]:
    """A GPU that another driver has, or none, is not offered: nothing that wants it would run."""
    if not present:
        if "not installed" not in reason:
            yield Unknown("NVIDIA GPU", reason)
        return
    driven = [device for device in present if device.driver == "nvidia"]
    for device in present:
        if device not in driven:
            yield Unknown("NVIDIA GPU", f"{device} {_had_by(device)}")
    unlisted = [device for device in driven if device.device not in NVIDIA]
    for device in unlisted:
        yield Unknown("NVIDIA GPU", f"{device} is of no known model, and {reason}")
    listed = [NVIDIA[device.device] for device in driven if device not in unlisted]
    gpus = Counter(Gpu(one.name, one.runs, is_one=one.is_one) for one in listed)
    yield from told(gpus, "PCI device number")
    if driven:
        version = machine.text_or(MODULE)
        yield from driver({version} - {""}, MODULE)
        yield Unknown("CUDA", reason)


def _had_by(device: PciDevice) -> str:
    if device.driver is None:
        return "has no driver"
    return f"is had by {device.driver}, not by NVIDIA's driver"


def told(counted: Mapping[Gpu, int], source: str) -> Iterator[Finding | Unknown]:
    """Each model once with how many there are; and what they run, of all of them."""
    for gpu, number in counted.items():
        found = f"{number} x {gpu}" if number > 1 else str(gpu)
        model = feature("gpu-model", gpu.name.removeprefix("NVIDIA "))
        offered = (feature("gpu", "nvidia"), *((model,) if gpu.is_one else ()))
        yield Finding("GPU", found, source, offered)
    known = {gpu.capability for gpu in counted if gpu.capability}
    lowest = _lowest(known)
    if lowest:
        yield Finding("compute capability", ", ".join(sorted(known)), source, lowest)
    yield from _doubts(counted, lowest)


def _lowest(capabilities: Iterable[str]) -> tuple[Feature, ...]:
    """The lowest minor of each major: a build for it runs on every GPU of that major."""
    read = (match for one in capabilities if (match := _CAPABILITY.fullmatch(one)))
    minors: dict[int, int] = {}
    for major, minor in sorted((int(match[1]), int(match[2])) for match in read):
        minors.setdefault(major, minor)
    return tuple(feature("nvcap", f"{major}.{minor}") for major, minor in minors.items())


def _doubts(gpus: Iterable[Gpu], lowest: Sequence[Feature]) -> Iterator[Unknown]:
    for gpu in gpus:
        if gpu.capability is None:
            yield Unknown("compute capability", f"{gpu.name}: {_UNKNOWN_CAPABILITY}")
    if len(lowest) > 1:
        reason = (
            "the GPUs differ, and no build runs on all of them: keep one nvcap, unless jobs choose"
            " their GPU"
        )
        yield Unknown("compute capability", reason)


def driver(versions: Iterable[str], source: str) -> Iterator[Finding | Unknown]:
    """The version of the driver, which is one for all GPUs."""
    version = next((one for one in versions if one[:1].isdigit()), None)
    if version is None:
        yield Unknown("GPU driver", f"{source} does not tell its version")
        return
    yield Finding("GPU driver", f"NVIDIA {version}", source, (feature("gpu-driver", version),))


def _cuda(machine: Machine) -> Iterator[Finding | Unknown]:
    try:
        said = _CUDA.search(machine.run([SMI]))
    except UnreadableError as error:
        yield Unknown("CUDA", str(error))
        return
    if said is None:
        yield Unknown("CUDA", f"{SMI} does not name a CUDA version in its header")
        return
    yield cuda(said[1], SMI)


def cuda(version: str, source: str) -> Finding:
    """The newest CUDA that the driver speaks."""
    return Finding("CUDA", f"up to {version}", source, (feature("cuda", version),))
