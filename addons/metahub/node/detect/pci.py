"""The devices on the PCI bus.

Knows how the kernel shows them. Must not know what any number stands for but a display's class.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from metahub.node.detect.machine import Machine, UnreadableError

DEVICES = "/sys/bus/pci/devices"

_NUMBERS = re.compile(r"([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})")
_CLASS = re.compile(r"[0-9A-Fa-f]{1,6}")

# Base class and sub-class: VGA, 3D, other display controllers, and processing accelerators.
# https://pci-ids.ucw.cz/read/PD
_GPU_CLASSES = (0x0300, 0x0302, 0x0380, 0x1200)


@dataclass(frozen=True, slots=True)
class PciDevice:
    """A device by its numbers, and the kernel driver that has it."""

    address: str
    vendor: int
    device: int
    device_class: int
    """Base class and sub-class, `0x0302`."""
    driver: str | None

    @property
    def may_be_gpu(self) -> bool:
        """True for the classes that GPUs are of; a server's console is of the first, too."""
        return self.device_class in _GPU_CLASSES

    @property
    def source(self) -> str:
        """Where it was read."""
        return f"{DEVICES}/{self.address}/uevent"

    def __str__(self) -> str:
        return f"{self.vendor:04x}:{self.device:04x}"


def pci_devices(machine: Machine) -> tuple[PciDevice, ...]:
    """All devices, by address. Raises UnreadableError if the bus is not to be seen."""
    return tuple(device for name in machine.names(DEVICES) for device in _device(machine, name))


def _device(machine: Machine, address: str) -> Iterator[PciDevice]:
    """What the kernel tells udev, all in one file that everybody may read."""
    lines = machine.text_or(f"{DEVICES}/{address}/uevent").splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    numbers = _NUMBERS.fullmatch(said.get("PCI_ID", ""))
    kind = _CLASS.fullmatch(said.get("PCI_CLASS", ""))
    if numbers:
        vendor, device = (int(number, 16) for number in numbers.groups())
        device_class = int(kind[0], 16) >> 8 if kind else 0
        yield PciDevice(address, vendor, device, device_class, said.get("DRIVER"))


def gpus_of(machine: Machine, vendor: int) -> tuple[PciDevice, ...]:
    """What may be a GPU of one vendor; nothing, if the bus is not to be seen."""
    try:
        devices = pci_devices(machine)
    except UnreadableError:
        return ()
    return tuple(one for one in devices if one.vendor == vendor and one.may_be_gpu)
