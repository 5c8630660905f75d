"""AMD's GPUs and their driver.

Knows what the kernel's compute driver (kfd) shows. Must not know other vendors.
https://docs.kernel.org/gpu/amdgpu/index.html
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from metahub.core.feature import Feature
from metahub.node.detect.detection import Finding, Unknown, feature
from metahub.node.detect.gpu_models import AMD, GpuModel
from metahub.node.detect.machine import Machine
from metahub.node.detect.pci import gpus_of

VENDOR = 0x1002
NODES = "/sys/class/kfd/kfd/topology/nodes"
MODULE = "/sys/module/amdgpu/version"
_PROPERTY = re.compile(r"(\w+) ([0-9]{1,20})", re.ASCII)


def amd_gpus(machine: Machine) -> Iterator[Finding | Unknown]:
    """What kfd shows runs ROCm. What is only on the bus does not, and is said."""
    numbers = [number for node in machine.names_or_none(NODES) for number in _gpu(machine, node)]
    if not numbers:
        for device in gpus_of(machine, VENDOR):
            driver = f"its driver is {device.driver}" if device.driver else "it has no driver"
            yield Unknown("AMD GPU", f"{device} is not in {NODES} ({driver})")
        return
    yield from told((_model(device, version) for device, version in numbers), NODES)
    yield from _driver(machine)


def _gpu(machine: Machine, node: str) -> Iterator[tuple[int, int]]:
    """Device number and gfx_target_version of a node; nothing of a CPU, which has no SIMD."""
    lines = machine.text_or(f"{NODES}/{node}/properties").splitlines()
    said = {match[1]: int(match[2]) for line in lines if (match := _PROPERTY.fullmatch(line))}
    if said.get("simd_count") and said.get("vendor_id") == VENDOR:
        yield said.get("device_id", 0), said.get("gfx_target_version", 0)


def _model(device: int, version: int) -> GpuModel:
    """Kernels before 5.12 do not tell the target."""
    listed = AMD.get(device)
    name = listed.name if listed else f"{VENDOR:04x}:{device:04x}"
    return GpuModel(name, gfx(version) if version else listed.runs if listed else "")


def gfx(version: int) -> str:
    """`90010` is gfx90a: major, two digits of minor, and two of a stepping that is written hex."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def told(models: Iterable[GpuModel], source: str) -> Iterator[Finding | Unknown]:
    """Each model once with how many there are; a dual one (MI250X) counts as two GPUs."""
    for model, number in Counter(models).items():
        if not model.runs:
            yield Unknown("AMD GPU", f"{model.name}: the kernel does not tell its target")
            continue
        found = f"{number} x " if number > 1 else ""
        yield Finding("GPU", f"{found}AMD {model.name}, {model.runs}", source, _features(model))


def _features(model: GpuModel) -> tuple[Feature, ...]:
    offered = (feature("gpu", "amd"), feature("gfx", model.runs))
    is_named = model.is_one and model in AMD.values()
    return (*offered, feature("gpu-model", model.name)) if is_named else offered


def _driver(machine: Machine) -> Iterator[Finding | Unknown]:
    version = machine.text_or(MODULE)
    if not version:
        yield Unknown(
            "GPU driver", "amdgpu is the kernel's own, and has no version but the kernel's"
        )
        return
    yield driver(version, MODULE)


def driver(version: str, source: str) -> Finding:
    """The version of amdgpu. It has a key of its own: NVIDIA's count otherwise."""
    return Finding("GPU driver", f"amdgpu {version}", source, (feature("amdgpu-driver", version),))
