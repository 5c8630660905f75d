"""The CPU of a machine, against archspec's own captures and what else /proc/cpuinfo may say."""

from pathlib import Path

import archspec.cpu
import pytest
from archspec.cpu import TARGETS

from metahub.node.detect import Machine, Unknown, UnreadableError
from metahub.node.detect.cpu import cpu
from metahub.node.detect.cpuinfo import blocks
from metahub.node.detect.target import level_of, target_of
from tests.node.captured import TARGET_FILES

# /proc/cpuinfo of Linux; the others are of macOS and Windows, which have none.
CAPTURED = sorted(
    file.name for file in TARGET_FILES.iterdir() if not file.name.startswith(("darwin", "windows"))
)


def told(root: Path, architecture: str, cpuinfo: str) -> dict[str, str]:
    """What is told of a CPU: findings by their features, what is left out by its reason."""
    (root / "proc").mkdir()
    (root / "proc" / "cpuinfo").write_text(cpuinfo)
    found = cpu(Machine(root, _no_program, architecture, None))
    return {
        one.reason if isinstance(one, Unknown) else ", ".join(map(str, one.features)): (
            "" if isinstance(one, Unknown) else one.found
        )
        for one in found
    }


def _no_program(_: object) -> str:
    raise UnreadableError("there are no programs")


@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_cpu_is_what_archspec_says(name: str) -> None:
    """The name of each file ends in the target that archspec expects of it."""
    target = name.split("-", 2)[2]
    cpuinfo = (TARGET_FILES / name).read_text("utf-8")
    found = target_of(TARGETS[target].family.name, blocks(cpuinfo)[0])
    assert found is not None
    assert found.name == target


def test_there_are_captures_of_every_family() -> None:
    """The test above would say nothing of an empty directory."""
    families = {TARGETS[name.split("-", 2)[2]].family.name for name in CAPTURED}
    assert families >= {"x86_64", "aarch64", "ppc64le", "riscv64"}
    assert len(CAPTURED) > 30


@pytest.mark.parametrize(
    ("target", "level"),
    [
        ("zen4", "x86_64_v4"),
        ("broadwell", "x86_64_v3"),
        ("x86_64_v2", "x86_64_v2"),
        ("x86_64", None),
        ("neoverse_n1", None),
    ],
)
def test_the_level_is_the_highest_that_runs(target: str, level: str | None) -> None:
    """Of x86-64 only, where levels are."""
    assert level_of(archspec.cpu.TARGETS[target]) == level


def test_cores_of_two_kinds_offer_what_both_run(tmp_path: Path) -> None:
    """A thread may run on any of them."""
    flags = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
    core = "processor: {}\nCPU implementer: 0x41\nCPU part: {}\nFeatures: " + flags
    newer = " atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
    text = f"{core.format(0, '0xd08')}\n\n{core.format(1, '0xd0c')}{newer}\n"
    assert told(tmp_path, "aarch64", text) == {
        "cpu:cortex_a72": "cortex_a72",
        "cpu-vendor:arm": "ARM",
        "the CPUs differ (cortex_a72, neoverse_n1): what all of them run is named": "",
    }


def test_a_hypervisor_is_said(tmp_path: Path) -> None:
    """What it hides is not there, however new the name of the CPU is."""
    text = (
        "processor: 0\nvendor_id: GenuineIntel\nmodel name: Xeon 9999\nflags: hypervisor mmx sse2\n"
    )
    assert told(tmp_path, "x86_64", text) == {
        "cpu:x86_64": "Xeon 9999 (x86_64)",
        "cpu-vendor:intel": "GenuineIntel",
        "this is a virtual machine: the CPU is what its hypervisor shows of the real one": "",
    }


@pytest.mark.parametrize(
    ("architecture", "text", "reason"),
    [
        ("s390x", "processor: 0\n", "archspec knows no CPU targets of s390x"),
        ("x86_64", "", "/proc/cpuinfo describes no CPU"),
        ("ppc64le", "timebase: 512000000\nplatform: PowerNV\n", "/proc/cpuinfo describes no CPU"),
    ],
)
def test_what_is_not_said_is_left_out(
    tmp_path: Path, architecture: str, text: str, reason: str
) -> None:
    """No target is made up."""
    assert told(tmp_path, architecture, text) == {reason: ""}


@pytest.mark.parametrize(
    ("architecture", "text", "offered"),
    [
        (
            "ppc64le",
            "processor: 0\ncpu: unknown to all\n",
            {"cpu:ppc64le": "unknown to all (ppc64le)"},
        ),
        ("riscv64", "processor: 0\n", {"cpu:riscv64": "riscv64"}),
        ("riscv64", "processor: 0\nuarch: acme,z9\n", {"cpu:riscv64": "riscv64"}),
        ("aarch64", "processor: 0\n", {"cpu:aarch64": "aarch64", "cpu-vendor:generic": "generic"}),
        (
            "aarch64",
            "processor: 0\nCPU implementer: 0x99\nCPU part: 0x1\n",
            {"cpu:aarch64": "aarch64", "cpu-vendor:0x99": "0x99"},
        ),
    ],
)
def test_an_unknown_model_is_of_its_family(
    tmp_path: Path, architecture: str, text: str, offered: dict[str, str]
) -> None:
    """Which runs the generic build."""
    assert told(tmp_path, architecture, text) == offered
