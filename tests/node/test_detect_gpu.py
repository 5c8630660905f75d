"""What the captured machines do not show of GPUs."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from metahub.node.detect import Machine, Unknown, UnreadableError
from metahub.node.detect.amd import amd_gpus, gfx
from metahub.node.detect.gpu_models import AMD, NVIDIA
from metahub.node.detect.nvidia import QUERIES, SMI, Gpu, nvidia_gpus, told
from tests.node.captured import Captured

LONG, SHORT = (" ".join(query) for query in QUERIES)


def said(captured: Captured, root: Path) -> list[str]:
    """What is told of NVIDIA's GPUs, a line each."""
    return lines(nvidia_gpus(captured.machine(root)))


def lines(found: object) -> list[str]:
    """Features, or why there are none."""
    assert not isinstance(found, str)
    return [
        one.reason if isinstance(one, Unknown) else " ".join(map(str, one.features))
        for one in found  # type: ignore[attr-defined]
    ]


@pytest.mark.parametrize(
    ("version", "target"),
    [
        (90000, "gfx900"),
        (90006, "gfx906"),
        (90010, "gfx90a"),
        (90402, "gfx942"),
        (90500, "gfx950"),
        (100300, "gfx1030"),
        (110001, "gfx1101"),
        (120001, "gfx1201"),
    ],
)
def test_a_version_is_a_target(version: int, target: str) -> None:
    """The stepping is written hexadecimal. https://llvm.org/docs/AMDGPUUsage.html#processors"""
    assert gfx(version) == target


@pytest.mark.parametrize(
    ("capabilities", "offered"),
    [
        (["8.0", "8.6"], ["nvcap:8.0"]),
        (["8.6", "8.9", "9.0"], ["nvcap:8.6", "nvcap:9.0"]),
        (["10.0", "9.0"], ["nvcap:9.0", "nvcap:10.0"]),
    ],
)
def test_of_one_major_the_lowest_is_offered(
    capabilities: Sequence[str], offered: list[str]
) -> None:
    """A build for it runs on all GPUs of that major; one for a later minor only on some."""
    gpus = {Gpu(f"GPU {one}", one): 1 for one in capabilities}
    features = [
        str(feature)
        for one in told(gpus, "")
        if not isinstance(one, Unknown)
        for feature in one.features
    ]
    assert [one for one in features if one.startswith("nvcap")] == offered


def test_a_gpu_without_a_capability_is_said(tmp_path: Path) -> None:
    """It is not in the table, and the driver is too old to tell."""
    captured = Captured(
        failures={LONG: 'Field "compute_cap" is not a valid field to query.'},
        programs={SHORT: "0xABCD10DE, 460.91.03, NVIDIA Future", SMI: "CUDA Version: 11.2"},
    )
    assert said(captured, tmp_path) == [
        "gpu:nvidia gpu-model:future",
        "NVIDIA Future: its compute capability is not known",
        "gpu-driver:460.91.03",
        "cuda:11.2",
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("No devices were found", "nvidia-smi: No devices were found"),
        ("", "nvidia-smi: names no GPU"),
    ],
)
def test_an_answer_without_gpus_is_a_reason(tmp_path: Path, answer: str, reason: str) -> None:
    """As nvidia-smi gives it, in words."""
    assert said(Captured(programs={LONG: answer}), tmp_path) == [reason]


def test_a_header_that_fails_leaves_cuda_out(tmp_path: Path) -> None:
    """All that was said before is offered all the same."""
    captured = Captured(
        programs={LONG: "0x1EB810DE, [N/A], Tesla T4, 7.5, [N/A]"}, failures={SMI: "Unknown Error"}
    )
    assert said(captured, tmp_path) == [
        "gpu:nvidia gpu-model:tesla-t4",
        "nvcap:7.5",
        "nvidia-smi --query-gpu does not tell its version",
        "nvidia-smi: Unknown Error",
    ]


def kfd(root: Path, *properties: str) -> Machine:
    """A machine whose compute driver shows these GPUs."""
    nodes = "/sys/class/kfd/kfd/topology/nodes"
    files = {
        f"{nodes}/{number}/properties": f"simd_count 4\nvendor_id 4098\n{text}\n"
        for number, text in enumerate(properties)
    }
    return Captured(files=files).machine(root)


def test_an_older_kernel_tells_the_number_only(tmp_path: Path) -> None:
    """The table has the target; amdgpu of the kernel itself has no version."""
    found = lines(amd_gpus(kfd(tmp_path, "device_id 29580", "device_id 1")))
    assert found == [
        "gpu:amd gfx:gfx908 gpu-model:instinct-mi100",
        "1002:0001: the kernel does not tell its target",
        "amdgpu is the kernel's own, and has no version but the kernel's",
    ]


def test_an_unknown_number_has_a_target_still(tmp_path: Path) -> None:
    """The kernel tells it."""
    found = lines(amd_gpus(kfd(tmp_path, "device_id 1\ngfx_target_version 120001")))
    assert found[0] == "gpu:amd gfx:gfx1201"


def test_a_gpu_beside_the_compute_driver_is_not_offered(tmp_path: Path) -> None:
    """What wants it would not run."""
    device = "/sys/bus/pci/devices/0000:0{}:00.0/uevent"
    files = {
        device.format(1): "DRIVER=vfio-pci\nPCI_CLASS=38000\nPCI_ID=1002:740F\n",
        device.format(2): "PCI_CLASS=38000\nPCI_ID=1002:740F\n",
    }
    where = "1002:740f is not in /sys/class/kfd/kfd/topology/nodes"
    assert lines(amd_gpus(Captured(files=files).machine(tmp_path))) == [
        f"{where} (its driver is vfio-pci)",
        f"{where} (it has no driver)",
    ]


def test_the_tables_are_of_what_they_say() -> None:
    """Numbers fit 16 bits, and what is run is written as features are."""
    assert all(0 < number < 0x10000 for number in (*NVIDIA, *AMD))
    assert all(one.runs.partition(".")[0].isdigit() for one in NVIDIA.values())
    assert all(one.runs.startswith("gfx") for one in AMD.values())


def test_a_query_that_fails_otherwise_is_not_asked_again(tmp_path: Path) -> None:
    """One program that hangs is waited for once."""
    asked: list[str] = []

    def run(command: Sequence[str]) -> str:
        asked.append(" ".join(command))
        raise UnreadableError("nvidia-smi: said nothing within 10 seconds")

    found = lines(nvidia_gpus(Machine(tmp_path, run, "x86_64", None)))
    assert (found, asked) == (["nvidia-smi: said nothing within 10 seconds"], [LONG])


def test_gpus_that_guests_have_need_no_driver(tmp_path: Path) -> None:
    """So that nothing is said of it, nor of CUDA."""
    files = {
        "/sys/bus/pci/devices/0000:01:00.0/uevent": (
            "DRIVER=vfio-pci\nPCI_CLASS=30200\nPCI_ID=10DE:20B0\n"
        )
    }
    reason = "10de:20b0 is had by vfio-pci, not by NVIDIA's driver"
    assert said(Captured(files=files), tmp_path) == [reason]


def test_a_number_of_two_models_names_none(tmp_path: Path) -> None:
    """Both run the same; which of them it is would be a guess."""
    files = {
        "/sys/module/nvidia/version": "550.54.15\n",
        "/sys/bus/pci/devices/0000:01:00.0/uevent": (
            "DRIVER=nvidia\nPCI_CLASS=30200\nPCI_ID=10DE:25B6\n"
        ),
    }
    assert said(Captured(files=files), tmp_path)[:2] == ["gpu:nvidia", "nvcap:8.6"]
    found = lines(amd_gpus(kfd(tmp_path / "amd", "device_id 29708\ngfx_target_version 90010")))
    assert found[0] == "gpu:amd gfx:gfx90a"


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("0x20B010DE, 550.54, ERR!, ERR!, ERR!",
         ["gpu:nvidia gpu-model:a100-sxm4-40gb", "nvcap:8.0", "gpu-driver:550.54"]),
        ("0x20B010DE, 550.54, [Unknown Error], 8.0, [N/A]",
         ["gpu:nvidia gpu-model:a100-sxm4-40gb", "nvcap:8.0", "gpu-driver:550.54"]),
        ("0xABCD10DE, 550.54, [N/A], [N/A], [N/A]",
         ["gpu:nvidia", "10de:abcd: its compute capability is not known", "gpu-driver:550.54"]),
        ("WARNING: infoROM is corrupted, see x, y, z\n0x20B010DE, 550.54, NVIDIA A30, 8.0, [N/A]",
         ["nvidia-smi: WARNING: infoROM is corrupted, see x, y, z",
          "gpu:nvidia gpu-model:a30", "nvcap:8.0", "gpu-driver:550.54"]),
        ("[GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]\n"
         "0x20B010DE, 550.54, NVIDIA A30, 8.0, [N/A]",
         [f"nvidia-smi: {', '.join(['[GPU is lost]'] * 5)}",
          "gpu:nvidia gpu-model:a30", "nvcap:8.0", "gpu-driver:550.54"]),
    ],
)  # fmt: skip
def test_what_nvidia_smi_says_of_a_gpu_in_trouble(
    printed: str, told: list[str], tmp_path: Path
) -> None:
    """No word of it becomes a model, and what is no GPU is not counted as one."""
    captured = Captured(programs={LONG: printed, SMI: "CUDA Version: 12.4"})
    assert said(captured, tmp_path) == [*told, "cuda:12.4"]


@pytest.mark.parametrize(
    "printed",
    ["0x[N/A], 1, 2, 3, 4", "foo, bar, baz, qux, quux", "0x20B010DE, 550,54, A30, 8.0, [N/A]",
     "\x00, \x01, \x02", "[N/A], [N/A], [N/A], [N/A], [N/A]"],
)  # fmt: skip
def test_what_names_no_gpu_offers_none(printed: str, tmp_path: Path) -> None:
    """And is repeated."""
    assert said(Captured(programs={LONG: printed}), tmp_path) == [f"nvidia-smi: {printed}"]


@pytest.mark.parametrize("properties", ["simd_count 10\nvendor_id x\n", "simd_count 10 vendor_id"])
def test_what_kfd_garbles_is_no_gpu(properties: str, tmp_path: Path) -> None:
    """A number that is none is not read."""
    files = {"/sys/class/kfd/kfd/topology/nodes/1/properties": properties}
    assert lines(amd_gpus(Captured(files=files).machine(tmp_path))) == []
