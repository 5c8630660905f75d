"""Intel's GPUs for data centres.

Knows their PCI numbers. Must not know other vendors.
"""

from collections.abc import Iterator

from metahub.node.detect.detection import Finding, Unknown, feature
from metahub.node.detect.gpu_models import INTEL
from metahub.node.detect.machine import Machine
from metahub.node.detect.pci import PciDevice, gpus_of

VENDOR = 0x8086
_DRIVERS = ("i915", "xe")


def intel_gpus(machine: Machine) -> Iterator[Finding | Unknown]:
    """Each GPU that its driver has. The bus says no more than the model."""
    for device in gpus_of(machine, VENDOR):
        yield _told(device)


def _told(device: PciDevice) -> Finding | Unknown:
    name = INTEL.get(device.device)
    if name is None:
        return Unknown("Intel GPU", f"{device} is of no known model")
    if device.driver not in _DRIVERS:
        reason = f"{name} is had by {device.driver}" if device.driver else f"{name} has no driver"
        return Unknown("Intel GPU", reason)
    features = (feature("gpu", "intel"), feature("gpu-model", name))
    return Finding("GPU", f"Intel {name}", device.source, features)
