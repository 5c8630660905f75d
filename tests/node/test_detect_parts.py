"""What the captured machines do not show of memory, network, system and bus."""

from pathlib import Path

import pytest

from metahub.node.detect import Finding, Unknown, UnreadableError, detect
from metahub.node.detect.memory import memory
from metahub.node.detect.network import network
from metahub.node.detect.pci import pci_devices
from metahub.node.detect.system import kernel, libc, platform
from tests.node.captured import Captured

INFINIBAND = "/sys/class/infiniband/mlx5_0"
UP = {"ports/1/state": "4: ACTIVE", "ports/1/link_layer": "InfiniBand"}


def test_a_meminfo_without_a_total_is_said(tmp_path: Path) -> None:
    """Somebody's emulation of it."""
    machine = Captured(files={"/proc/meminfo": "MemFree: 5 kB\n"}).machine(tmp_path)
    assert list(memory(machine)) == [Unknown("memory", "/proc/meminfo has no line MemTotal")]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (UP, "net:infiniband"),
        ({**UP, "ports/1/rate": "0 Gb/sec (1X SDR)"}, "net:infiniband"),
        ({**UP, "ports/1/rate": "2.5 Gb/sec (1X SDR)"}, "net:infiniband net-rate:2"),
        (
            {**UP, "ports/1/state": "5: ACTIVE_DEFER", "hca_type": "MT4123"},
            f"mlx5_0 port 1: MT4123 is not active ({INFINIBAND}/ports/1/state: '5: ACTIVE_DEFER')",
        ),
        (
            {**UP, "ports/1/link_layer": "Unspecified", "hca_type": "MT4123"},
            "mlx5_0 port 1: MT4123 is of no known network"
            f" ({INFINIBAND}/ports/1/link_layer: 'Unspecified')",
        ),
    ],
)
def test_a_port(said: dict[str, str], told: str, tmp_path: Path) -> None:
    """It is offered if it is up and of a network that is known, whatever else it says."""
    files = {f"{INFINIBAND}/{name}": f"{text}\n" for name, text in said.items()}
    (found,) = network(Captured(files=files).machine(tmp_path))
    if isinstance(found, Finding):
        assert " ".join(map(str, found.features)) == told
    else:
        assert found.reason == told


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("armv7l", "linux/arm"),
        ("armv6l", "linux/arm/v6"),
        ("i686", "linux/386"),
        ("ppc64le", "linux/ppc64le"),
        ("s390x", "linux/s390x"),
        ("riscv64", "linux/riscv64"),
        ("loongarch64", "linux/loong64"),
    ],
)
def test_the_platform_is_in_the_words_of_the_runtimes(word: str, text: str, tmp_path: Path) -> None:
    """`arm/v7` is what a runtime means by `arm`."""
    assert str(platform(Captured(architecture=word).machine(tmp_path))) == text


@pytest.mark.parametrize("release", ["unknown", ""])
def test_a_kernel_without_a_version_is_said(release: str, tmp_path: Path) -> None:
    """A version that is made up would promise something."""
    machine = Captured(files={"/proc/sys/kernel/osrelease": release}).machine(tmp_path)
    reason = f"/proc/sys/kernel/osrelease says {release!r}, which is no version"
    assert list(kernel(machine)) == [Unknown("kernel", reason)]


def test_another_c_library_is_not_glibc(tmp_path: Path) -> None:
    """Even if it calls itself something."""
    machine = Captured(libc="uClibc 1.0").machine(tmp_path)
    assert list(libc(machine)) == [Unknown("C library", "it does not say that it is glibc")]


def test_a_device_that_says_nothing_is_none(tmp_path: Path) -> None:
    """And no bus is a reason."""
    here = "/sys/bus/pci/devices"
    said = ("", "PCI_ID=XX:YY\n", "PCI_ID=:\n", "PCI_CLASS=30200\n")
    files = {f"{here}/0000:00:00.{n}/uevent": text for n, text in enumerate(said)}
    files |= {f"{here}/0000:00:01.0/other": ""}
    assert pci_devices(Captured(files=files).machine(tmp_path)) == ()
    with pytest.raises(UnreadableError, match=r"^/sys/bus/pci/devices is not there$"):
        pci_devices(Captured().machine(tmp_path / "empty"))


@pytest.mark.parametrize("said", ["", "PCI_CLASS=\n", "PCI_CLASS=zz\n"])
def test_a_device_of_no_class_is_no_gpu(said: str, tmp_path: Path) -> None:
    """Whatever its number is."""
    files = {"/sys/bus/pci/devices/0000:00:00.0/uevent": f"PCI_ID=10DE:20B0\n{said}"}
    (device,) = pci_devices(Captured(files=files).machine(tmp_path))
    assert (device.vendor, device.device, device.may_be_gpu) == (0x10DE, 0x20B0, False)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"sys_vendor": "Xen", "product_name": "HVM domU", "bios_version": "4.11.amazon"},
         ["cloud:aws", "AWS (Xen) tells it only over the network, which is not asked"]),
        ({"sys_vendor": "Alibaba Cloud", "product_name": "Alibaba Cloud ECS"},
         ["cloud:alibaba", "Alibaba Cloud tells it only over the network, which is not asked"]),
        ({"sys_vendor": "QEMU", "chassis_asset_tag": "OracleCloud.com"},
         ["cloud:oracle", "Oracle Cloud tells it only over the network, which is not asked"]),
        ({"sys_vendor": "Amazon EC2"},
         ["cloud:aws", "AWS tells it only over the network, which is not asked"]),
        ({"sys_vendor": "Microsoft Corporation", "product_name": "Virtual Machine"},
         ["a virtual machine, whose firmware says only Microsoft Corporation Virtual Machine"]),
        ({"product_name": "PowerEdge C6420"}, ["model:poweredge-c6420"]),
        ({"sys_vendor": "Acme"}, ["the firmware does not say (/sys/class/dmi/id/product_name)"]),
    ],
)  # fmt: skip
def test_firmware(fields: dict[str, str], told: list[str], tmp_path: Path) -> None:
    """Of clouds, of hypervisors, and of what manufacturers leave open."""
    files = {f"/sys/class/dmi/id/{name}": f"{text}\n" for name, text in fields.items()}
    found = detect(Captured(files=files).machine(tmp_path))
    features = [str(one) for one in found.features]
    of_firmware = ("instance type", "machine model")
    assert told == [
        *(one for one in features if one.startswith(("cloud", "model"))),
        *(one.reason for one in found.unknowns if one.subject in of_firmware),
    ]
