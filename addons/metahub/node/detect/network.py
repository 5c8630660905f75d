"""InfiniBand, RoCE, Omni-Path and EFA.

Knows how the kernel shows RDMA devices. Must not know where they lead.
https://www.kernel.org/doc/Documentation/ABI/stable/sysfs-class-infiniband
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from metahub.core.feature import Feature
from metahub.node.detect.detection import Finding, Unknown, feature
from metahub.node.detect.machine import Machine

DEVICES = "/sys/class/infiniband"
_RATE = re.compile(r"([0-9]+)(?:\.[0-9]+)? Gb/sec")
_LINK_LAYERS = {"InfiniBand": ("infiniband", "InfiniBand"), "Ethernet": ("roce", "RoCE")}

# Devices that say InfiniBand or nothing, and are neither: known by the names their drivers give.
_BY_DRIVER = {"hfi1_": ("omni-path", "Omni-Path"), "efa_": ("efa", "EFA")}


@dataclass(frozen=True, slots=True)
class _Port:
    """A port of an RDMA device, and the device it is of."""

    device: str
    number: str
    model: str
    firmware: str
    state: str
    rate: str
    link_layer: str

    @property
    def is_active(self) -> bool:
        """True if the link is up: `4: ACTIVE`."""
        return self.state.endswith(": ACTIVE")

    @property
    def network(self) -> tuple[str, str] | None:
        """The word of the feature, and the name for people."""
        driven = (name for prefix, name in _BY_DRIVER.items() if self.device.startswith(prefix))
        return next(driven, None) or _LINK_LAYERS.get(self.link_layer)

    @property
    def gigabits(self) -> int | None:
        """Gigabits a second; None if it does not say."""
        said = _RATE.match(self.rate)
        return int(said[1]) if said else None

    def __str__(self) -> str:
        firmware = f"firmware {self.firmware}" if self.firmware else ""
        parts = (self.model, self.rate, firmware)
        return f"{self.device} port {self.number}: {', '.join(filter(None, parts))}"


def network(machine: Machine) -> Iterator[Finding | Unknown]:
    """A finding for each port that is up. A port that is down carries nothing, and offers nothing.

    The rate is the highest of them.
    """
    ports = [port for name in machine.names_or_none(DEVICES) for port in _ports(machine, name)]
    if not ports:
        yield Unknown("RDMA network", f"{DEVICES} has no device with a port")
        return
    fastest = max((port.gigabits or 0 for port in ports if _carries(port)), default=0)
    for port in ports:
        yield _told(port, fastest)


def _ports(machine: Machine, device: str) -> Iterator[_Port]:
    here = f"{DEVICES}/{device}"
    for number in machine.names_or_none(f"{here}/ports"):
        port = f"{here}/ports/{number}"
        yield _Port(
            device=device,
            number=number,
            model=machine.text_or(f"{here}/hca_type"),
            firmware=machine.text_or(f"{here}/fw_ver"),
            state=machine.text_or(f"{port}/state"),
            rate=machine.text_or(f"{port}/rate"),
            link_layer=machine.text_or(f"{port}/link_layer"),
        )


def _carries(port: _Port) -> bool:
    return port.is_active and port.network is not None


def _told(port: _Port, fastest: int) -> Finding | Unknown:
    here = f"{DEVICES}/{port.device}/ports/{port.number}"
    if not port.is_active:
        return Unknown("RDMA network", f"{port} is not active ({here}/state: {port.state!r})")
    if port.network is None:
        layer = f"{here}/link_layer: {port.link_layer!r}"
        return Unknown("RDMA network", f"{port} is of no known network ({layer})")
    return Finding(
        port.network[1], str(port), here, tuple(_features(port, port.network[0], fastest))
    )


def _features(port: _Port, network: str, fastest: int) -> Iterator[Feature]:
    yield feature("net", network)
    if port.gigabits and port.gigabits == fastest:
        yield feature("net-rate", fastest)
    if port.model:
        yield feature("hca", port.model)
