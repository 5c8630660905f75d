"""The features of a Kubernetes node, by the labels that it has.

Knows the labels of Kubernetes, NFD, NVIDIA's GPU feature discovery and AMD's node labeller.
Must not know how they were written down.
"""

import re
from collections.abc import Iterator, Mapping

from metahub.core.machine import Platform
from metahub.node.detect import amd, nvidia
from metahub.node.detect.cpu import vendor_feature
from metahub.node.detect.cpu_labels import CpuUnknownError, LabelledCpu, labelled_cpu
from metahub.node.detect.detection import Detection, Finding, Unknown, feature
from metahub.node.detect.gpu_models import AMD, GpuModel
from metahub.node.detect.labels import NFD, from_labels
from metahub.node.detect.memory import memory_finding
from metahub.node.detect.nodes import Node
from metahub.node.detect.system import kernel_finding

_GFD = "nvidia.com/"
_INSTANCE_TYPES = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_COUNT = re.compile("[0-9]{1,4}")
_SMT = {"true": "on", "false": "off"}


def detection_of(node: Node) -> Detection:
    """What the labels say. MetaHub's own say it all, and are believed before the others."""
    own = from_labels(node.labels)
    if own:
        found = Finding("labels of metahub", f"{len(own)} features", f"{NFD}metahub-*", own)
        return Detection((found,), (), _platform(node))
    told = (one for source in _SOURCES for one in source(node))
    return Detection.of(told, _platform(node))


def _platform(node: Node) -> Platform | None:
    system = node.labels.get("kubernetes.io/os", "linux")
    architecture = node.labels.get("kubernetes.io/arch")
    return Platform.of(system, architecture) if architecture else None


def _cpu(node: Node) -> Iterator[Finding | Unknown]:
    try:
        cpu = labelled_cpu(node.labels)
    except CpuUnknownError as error:
        yield Unknown("CPU", str(error))
        return
    target = feature("cpu", cpu.target.name)
    yield Finding("CPU", cpu.target.name, f"{NFD}cpu-cpuid.*", (target,))
    source = f"{NFD}cpu-model.vendor_id"
    yield Finding("CPU vendor", cpu.vendor, source, (vendor_feature(cpu.vendor),))
    yield from _taken(cpu)


def _taken(cpu: LabelledCpu) -> Iterator[Unknown]:
    if cpu.taken:
        flags = ", ".join(cpu.taken)
        reason = f"{cpu.target.name} has flags that are not among the labels: {flags}"
        yield Unknown("CPU", f"{reason}. They are taken from the model number, a {cpu.chip}")


def _smt(node: Node) -> Iterator[Finding]:
    name = f"{NFD}cpu-hardware_multithreading"
    word = _SMT.get(node.labels.get(name, ""))
    if word:
        yield Finding("hyper-threading", word, name, (feature("smt", word),))


def _memory_found(node: Node) -> Iterator[Finding | Unknown]:
    if node.memory is None:
        yield Unknown("memory", "no label says it; the node's status.capacity.memory would")
        return
    yield memory_finding(node.memory, "status.capacity.memory")


def _kernel(node: Node) -> Iterator[Finding | Unknown]:
    name = f"{NFD}kernel-version.full"
    if name in node.labels:
        yield from kernel_finding(node.labels[name], name)


def _nvidia(node: Node) -> Iterator[Finding | Unknown]:
    labels = node.labels
    product = labels.get(f"{_GFD}gpu.product")
    if product is None:
        yield from _unlabelled(node, "10de", "NVIDIA GPU", "GPU feature discovery says which")
        return
    major, minor = (labels.get(f"{_GFD}gpu.compute.{word}") for word in ("major", "minor"))
    capability = f"{major}.{minor}" if major and minor else None
    count = _COUNT.fullmatch(labels.get(f"{_GFD}gpu.count", ""))
    gpu = nvidia.Gpu(_model(product), capability)
    yield from nvidia.told({gpu: int(count[0]) if count else 1}, f"{_GFD}gpu.*")
    yield from _nvidia_driver(labels)


# What a strategy for MIG or for sharing adds to the model's name.
_SHARED = re.compile(r"-(?:MIG-.*|SHARED)$")


def _model(product: str) -> str:
    """`NVIDIA-A100-SXM4-80GB-MIG-1g.10gb` is an A100-SXM4-80GB."""
    return _SHARED.sub("", product).removeprefix("NVIDIA-")


def _nvidia_driver(labels: Mapping[str, str]) -> Iterator[Finding | Unknown]:
    """Names of both ages of GPU feature discovery: the older one calls CUDA the runtime."""
    for version, source in _first(
        labels,
        f"{_GFD}cuda.driver-version",
        ("full",),
        f"{_GFD}cuda.driver",
        ("major", "minor", "rev"),
    ):
        yield from nvidia.driver([version], source)
    for version, source in _first(
        labels,
        f"{_GFD}cuda.runtime-version",
        ("full",),
        f"{_GFD}cuda.runtime",
        ("major", "minor"),
    ):
        yield nvidia.cuda(version, source)


def _first(
    labels: Mapping[str, str],
    newer: str,
    words: tuple[str, ...],
    older: str,
    parts: tuple[str, ...],
) -> Iterator[tuple[str, str]]:
    """A version and the labels it is from, of the newer labels if there are any."""
    for prefix, names in ((newer, words), (older, parts)):
        said = [labels.get(f"{prefix}.{name}", "") for name in names]
        if said[0]:
            yield ".".join(filter(None, said)), f"{prefix}.*"
            return


def _amd(node: Node) -> Iterator[Finding | Unknown]:
    """The labeller of AMD has been of two prefixes."""
    for prefix in ("amd.com/gpu.", "beta.amd.com/gpu."):
        number = node.labels.get(f"{prefix}device-id")
        if number:
            yield from amd.told([_amd_model(number)], f"{prefix}device-id")
            version = node.labels.get(f"{prefix}driver-version")
            if version:
                yield amd.driver(version, f"{prefix}driver-version")
            return
    yield from _unlabelled(node, "1002", "AMD GPU", "AMD's node labeller says which")


def _amd_model(number: str) -> GpuModel:
    listed = AMD.get(int(number, 16)) if re.fullmatch("[0-9a-fA-F]{1,4}", number) else None
    return listed or GpuModel(f"1002:{number}", "")


def _unlabelled(node: Node, vendor: str, subject: str, remedy: str) -> Iterator[Unknown]:
    present = re.compile(rf"{re.escape(NFD)}pci-(?:0300|0302|0380|1200)_{vendor}\.present")
    label = next(filter(present.fullmatch, node.labels), None)
    if label:
        yield Unknown(subject, f"{label} says only that there is one; {remedy}")


def _network(node: Node) -> Iterator[Unknown]:
    label = f"{NFD}rdma.capable"
    if label in node.labels:
        yield Unknown("RDMA network", f"{label} does not say whether it is InfiniBand or RoCE")


def _instance(node: Node) -> Iterator[Finding]:
    name = next(filter(node.labels.get, _INSTANCE_TYPES), None)
    if name:
        said = node.labels[name]
        yield Finding("instance type", said, name, (feature("instance", said),))


_SOURCES = (_cpu, _smt, _memory_found, _nvidia, _amd, _network, _kernel, _instance)
