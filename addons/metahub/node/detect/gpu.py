"""The GPUs of a machine, whoever made them.

Knows whom to ask, and what is said if there are none. Must not know any one vendor's ways.
"""

from collections.abc import Iterator

from metahub.node.detect.amd import amd_gpus
from metahub.node.detect.detection import Finding, Unknown
from metahub.node.detect.intel import intel_gpus
from metahub.node.detect.machine import Machine, UnreadableError
from metahub.node.detect.nvidia import nvidia_gpus
from metahub.node.detect.pci import DEVICES, pci_devices


def gpus(machine: Machine) -> Iterator[Finding | Unknown]:
    """All that the vendors' own ways find; one reason if there is nothing at all."""
    told = [one for ask in (nvidia_gpus, amd_gpus, intel_gpus) for one in ask(machine)]
    if told:
        yield from told
        return
    yield Unknown("GPU", _why_none(machine))


def _why_none(machine: Machine) -> str:
    try:
        number = len(pci_devices(machine))
    except UnreadableError as error:
        return f"{error}, and there is no nvidia-smi"
    return f"none of the {number} devices in {DEVICES} is a GPU that is known"
