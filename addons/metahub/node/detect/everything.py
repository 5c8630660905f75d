"""All that can be found out about one machine.

Knows what there is to look for, and in what order people read it. Must not know how it is found.
"""

from collections.abc import Callable, Iterator

from metahub.node.detect.cloud import cloud
from metahub.node.detect.cpu import cpu
from metahub.node.detect.detection import Detection, Finding, Unknown
from metahub.node.detect.gpu import gpus
from metahub.node.detect.machine import Machine
from metahub.node.detect.memory import memory
from metahub.node.detect.network import network
from metahub.node.detect.system import kernel, libc, platform
from metahub.node.detect.topology import topology

_DETECTORS: tuple[Callable[[Machine], Iterator[Finding | Unknown]], ...] = (
    cpu,
    topology,
    memory,
    gpus,
    network,
    kernel,
    libc,
    cloud,
)


def detect(machine: Machine) -> Detection:
    """Look for everything. Nothing is asked over a network, and nothing needs root."""
    told = (one for detector in _DETECTORS for one in detector(machine))
    return Detection.of(told, platform(machine))
