"""The labels of Kubernetes nodes: what they say, what they leave out, and MetaHub's own."""

import json
from itertools import pairwise

import pytest
from archspec.cpu import TARGETS

from metahub.node.detect import (
    Detection,
    Finding,
    Node,
    NodeLabelsError,
    as_labels,
    detection_of,
    read_nodes,
)
from metahub.node.detect.cpu_labels import _ALL, _LEFT_OUT, _PUBLISHED
from metahub.node.detect.detection import feature

NFD = "feature.node.kubernetes.io/"

# Vendor, family and model of real CPUs -> their target.
CHIPS = [
    ("Intel", 6, 79, "broadwell"),
    ("Intel", 6, 63, "haswell"),
    ("Intel", 6, 62, "ivybridge"),
    ("Intel", 6, 45, "sandybridge"),
    ("Intel", 6, 94, "skylake"),
    ("Intel", 6, 85, "skylake_avx512"),
    ("Intel", 6, 85, "cascadelake"),
    ("Intel", 6, 106, "icelake"),
    ("Intel", 6, 143, "sapphirerapids"),
    ("AMD", 23, 1, "zen"),
    ("AMD", 23, 49, "zen2"),
    ("AMD", 25, 1, "zen3"),
    ("AMD", 25, 17, "zen4"),
    ("AMD", 25, 160, "zen4"),
    ("AMD", 26, 2, "zen5"),
    ("AMD", 26, 68, "zen5"),
    ("Intel", 6, 207, "sapphirerapids"),
]


def cpu_labels(vendor: str, family: int, model: int, flags: list[str]) -> dict[str, str]:
    """What NFD says of a CPU."""
    labels = {f"{NFD}cpu-cpuid.{name}": "true" for name in flags}
    numbers = {"vendor_id": vendor, "family": str(family), "id": str(model)}
    return {**labels, **{f"{NFD}cpu-model.{name}": text for name, text in numbers.items()}}


def published(target: str, names: dict[str, str] = _PUBLISHED) -> list[str]:
    """The labels of a target that NFD publishes by default, or all that it can."""
    return [name for name, flag in names.items() if flag in TARGETS[target].features]


def features(labels: dict[str, str], memory: int | None = None) -> list[str]:
    """What they become."""
    return [str(one) for one in detection_of(Node("node", labels, memory)).features]


def reasons(labels: dict[str, str]) -> list[str]:
    """What is left out of them, and why; memory, of which no label tells, is not of interest."""
    unknowns = detection_of(Node("node", labels, 0)).unknowns
    return [f"{one.subject}: {one.reason}" for one in unknowns]


@pytest.mark.parametrize(("vendor", "family", "model", "target"), CHIPS)
def test_a_chip_is_known_by_what_nfd_publishes(
    vendor: str, family: int, model: int, target: str
) -> None:
    """The flags that it leaves out are the model number's."""
    labels = cpu_labels(vendor, family, model, published(target))
    assert features(labels)[0] == f"cpu:{target}"
    assert "They are taken from the model number, a " in reasons(labels)[0]


def test_a_flag_that_is_masked_counts() -> None:
    """A hypervisor that hides AVX-512 and AVX2 leaves no more than the level below."""
    without = [name for name in published("icelake") if not name.startswith("AVX512")]
    assert features(cpu_labels("Intel", 6, 106, without))[0] == "cpu:skylake"
    without = [name for name in without if name != "AVX2"]
    assert features(cpu_labels("Intel", 6, 106, without))[0] == "cpu:ivybridge"


def test_nothing_is_taken_for_there_where_all_is_published() -> None:
    """A node whose NFD has no blacklist, and no BMI2, is no Haswell."""
    names = published("haswell", _ALL)
    assert features(cpu_labels("Intel", 6, 63, names))[0] == "cpu:haswell"
    names.remove("BMI2")
    labels = cpu_labels("Intel", 6, 63, names)
    assert features(labels)[0] == "cpu:ivybridge"
    assert reasons(labels) == []


def test_what_is_taken_is_named() -> None:
    """Flag by flag, so that an operator who masks one sees it."""
    assert reasons(cpu_labels("AMD", 23, 1, published("zen"))) == [
        "CPU: zen has flags that are not among the labels: abm, bmi1, bmi2, clflushopt, cx16, f16c,"
        " fsgsbase, mmx, pclmulqdq, popcnt, rdseed, sse, sse2, sse3, sse4_1, sse4_2, ssse3. They"
        " are taken from the model number, a zen"
    ]


def test_no_flag_is_in_both_tables() -> None:
    """It would be published and left out at once."""
    assert not _PUBLISHED.keys() & _LEFT_OUT.keys()
    known = {flag for target in TARGETS.values() for flag in target.features}
    assert set(_ALL.values()) <= known


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({}, f"CPU: no label {NFD}cpu-cpuid.*: the node is not labelled by NFD, or not x86-64"),
        (
            {f"{NFD}cpu-cpuid.AVX2": "true", f"{NFD}cpu-model.vendor_id": "Transmeta"},
            f"CPU: no label {NFD}cpu-model.vendor_id of a vendor that is known",
        ),
        (
            {f"{NFD}cpu-cpuid.AVX2": "true", f"{NFD}cpu-model.vendor_id": "Intel"},
            f"CPU: no labels {NFD}cpu-model.family and {NFD}cpu-model.id: NFD leaves out flags that"
            " they imply",
        ),
        (cpu_labels("Intel", 6, 99, ["AVX2"]), "CPU: GenuineIntel family 6 model 99 is of no known"
         " chip"),
        (cpu_labels("Intel", 5, 1, ["AVX2"]), "CPU: GenuineIntel family 5 model 1 is of no known"
         " chip"),
        (cpu_labels("AMD", 99, 1, ["AVX2"]), "CPU: AuthenticAMD family 99 model 1 is of no known"
         " chip"),
        (cpu_labels("Hygon", 24, 1, ["AVX2"]), "CPU: HygonGenuine family 24 model 1 is of no known"
         " chip"),
    ],
)  # fmt: skip
def test_what_labels_do_not_say_is_left_out(labels: dict[str, str], reason: str) -> None:
    """With the label that would."""
    assert reasons(labels) == [reason]


GPU_NODE = {
    "kubernetes.io/arch": "arm64",
    "kubernetes.io/os": "linux",
    "node.kubernetes.io/instance-type": "p5.48xlarge",
    f"{NFD}cpu-hardware_multithreading": "false",
    f"{NFD}kernel-version.full": "6.1.0-47-amd64",
    f"{NFD}rdma.capable": "true",
    "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb",
    "nvidia.com/gpu.count": "56",
    "nvidia.com/gpu.compute.major": "8",
    "nvidia.com/gpu.compute.minor": "0",
}


@pytest.mark.parametrize(
    "driver",
    [
        {
            "nvidia.com/cuda.driver-version.full": "550.54.15",
            "nvidia.com/cuda.runtime-version.full": "12.4",
            "nvidia.com/cuda.driver.major": "1",
        },
        {
            "nvidia.com/cuda.driver.major": "550",
            "nvidia.com/cuda.driver.minor": "54",
            "nvidia.com/cuda.driver.rev": "15",
            "nvidia.com/cuda.runtime.major": "12",
            "nvidia.com/cuda.runtime.minor": "4",
        },
    ],
)
def test_a_node_with_gpus(driver: dict[str, str]) -> None:
    """In the words of both ages of GPU feature discovery; a part of a GPU is of its model."""
    node = Node("n", {**GPU_NODE, **driver}, 2_147_483_648)
    found = detection_of(node)
    assert str(found.platform) == "linux/arm64"
    assert [str(one) for one in found.features] == [
        "smt:off",
        "memory:2048",
        "gpu:nvidia",
        "gpu-model:a100-sxm4-80gb",
        "nvcap:8.0",
        "gpu-driver:550.54.15",
        "cuda:12.4",
        "kernel:6.1.0",
        "instance:p5.48xlarge",
    ]
    assert [one.subject for one in found.unknowns] == ["CPU", "RDMA network"]
    assert "56 x A100-SXM4-80GB, compute capability 8.0" in [one.found for one in found.findings]


@pytest.mark.parametrize(
    ("labels", "offered"),
    [
        (
            {"amd.com/gpu.device-id": "74a1", "amd.com/gpu.driver-version": "6.10.5"},
            ["gpu:amd", "gfx:gfx942", "gpu-model:instinct-mi300x", "amdgpu-driver:6.10.5"],
        ),
        (
            {"beta.amd.com/gpu.device-id": "740f"},
            ["gpu:amd", "gfx:gfx90a", "gpu-model:instinct-mi210"],
        ),
        ({"amd.com/gpu.device-id": "0001"}, []),
        ({"amd.com/gpu.device-id": "none"}, []),
        ({"nvidia.com/gpu.product": "Tesla-T4-SHARED"}, ["gpu:nvidia", "gpu-model:tesla-t4"]),
        ({f"{NFD}kernel-version.full": "unknown"}, []),
    ],
)
def test_other_gpus(labels: dict[str, str], offered: list[str]) -> None:
    """AMD's labeller tells the number on the bus, and the table knows the rest."""
    assert features(labels) == offered


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (
            f"{NFD}pci-0302_10de.present",
            "NVIDIA GPU: {} says only that there is one; GPU feature discovery says which",
        ),
        (
            f"{NFD}pci-1200_1002.present",
            "AMD GPU: {} says only that there is one; AMD's node labeller says which",
        ),
    ],
)
def test_a_gpu_that_is_only_present_is_said(label: str, reason: str) -> None:
    """With whose labels would name it."""
    assert reasons({label: "true"})[1:] == [reason.format(label)]


def test_our_own_labels_say_it_all() -> None:
    """What a machine prints is what comes back, and goes before what others say."""
    offered = (
        feature("cpu", "zen3"),
        feature("nvcap", "8.0"),
        feature("nvcap", "8.9"),
        feature("gpu-model", "A100-SXM4-80GB"),
        feature("instance", "p4d.24xlarge"),
    )
    lines = list(as_labels(Detection((Finding("", "", "", offered),))))
    assert lines[0] == "feature.node.kubernetes.io/metahub-cpu.zen3=true"
    (node,) = read_nodes("\n".join([*lines, "nvidia.com/gpu.product=Other"]))
    assert detection_of(node).features == offered


def test_a_feature_that_no_label_can_hold_is_said() -> None:
    """Sixty-three characters, and few signs."""
    found = Finding("", "", "", (feature("model", "x" * 60), feature("model", "a+b")))
    assert list(as_labels(Detection((found,)))) == [
        f"# no label can be called metahub-model.{'x' * 60}",
        "# no label can be called metahub-model.a+b",
    ]


def test_a_label_of_ours_without_a_value_is_none() -> None:
    """Somebody else's, by a name like ours."""
    assert features({f"{NFD}metahub-ready": "true", f"{NFD}metahub-x.": "true"}) == []
    assert features({f"{NFD}metahub-cpu.icelake": "false"}) == []


LABELS = {"kubernetes.io/arch": "amd64", "a": "b"}
NODE = {
    "kind": "Node",
    "metadata": {"name": "n1", "labels": LABELS, "annotations": {"x": "a=b"}},
    "status": {"capacity": {"memory": "131900456Ki"}},
}


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        (json.dumps(NODE, separators=(",", ":")), [Node("n1", LABELS, 131900456)]),
        (
            json.dumps({"kind": "List", "items": [NODE, {"metadata": {"name": "n2"}}]}),
            [Node("n1", LABELS, 131900456), Node("n2", {})],
        ),
        ("metadata:\n  name: n3\n  labels:\n    a: b\n    c: true\n    d: []\n",
         [Node("n3", {"a": "b", "c": "True"})]),
        (json.dumps(LABELS), [Node("node", LABELS)]),
        ("# labels\n\nkubernetes.io/arch=amd64\na=b\n", [Node("node", LABELS)]),
        ("kubernetes.io/arch=amd64,\na=b,\n", [Node("node", LABELS)]),
    ],
)  # fmt: skip
def test_nodes_are_read(text: str, nodes: list[Node]) -> None:
    """As kubectl prints one or many, in JSON or YAML, and as lines of a file."""
    assert list(read_nodes(text)) == nodes


def test_aliases_are_not_followed() -> None:
    """Nine lines of YAML that as text would be a thousand million words."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for above, here in pairwise("abcdefghi"):
        lines.append(f"{here}: &{here} [{', '.join([f'*{above}'] * 10)}]")
    lines += ["metadata: {name: *i, labels: {k: v, l: *i}}", "status: {capacity: {memory: *i}}"]
    assert read_nodes("\n".join(lines)) == (Node("node", {"k": "v"}),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "found no labels, expected what `kubectl get node NAME -o json` prints, or lines like"
         " name=value"),
        ("words", "found no labels, expected what `kubectl get node NAME -o json` prints, or lines"
         " like name=value"),
        ('{"items": []}', "found no node, expected what `kubectl get nodes -o json` prints"),
        ('{"items": 5}', "found no node, expected what `kubectl get nodes -o json` prints"),
        ('{"items": [5]}', "found a list with something else than nodes in it"),
        ("metadata: {labels: {a: 2024-99-99}}", "found neither JSON nor YAML nor lines name=value"),
        ('{"a": %s}' % ("9" * 5000), "found neither JSON nor YAML nor lines name=value: "),
        ("[" * 100_000, "found neither JSON nor YAML nor lines name=value: "),
        ("a: [", "found neither JSON nor YAML nor lines name=value: while parsing a flow node"),
    ],
)  # fmt: skip
def test_what_is_no_node_is_refused(text: str, sentence: str) -> None:
    """With what was expected."""
    with pytest.raises(NodeLabelsError) as caught:
        read_nodes(text)
    assert str(caught.value).startswith(sentence)
