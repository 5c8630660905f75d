"""Machines that are captured in text: tests/data/machines/README.md says in which form."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import archspec
from archspec.cpu import TARGETS

from metahub.node.detect import Machine, UnreadableError

MACHINES = Path(__file__).parents[1] / "data" / "machines"
TARGET_FILES = Path(archspec.__file__).parent / "json" / "tests" / "targets"
SECTION = re.compile(r"^== (?P<kind>[a-z ]+?)(?:: (?P<of>.*))?\n", re.MULTILINE)


@dataclass(slots=True)
class Captured:
    """What a file says of a machine, and what is to be found on it."""

    architecture: str = "x86_64"
    libc: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    offers: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def machine(self, root: Path) -> Machine:
        """The machine, its files below `root`."""
        for name, text in self.files.items():
            file = root / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return Machine(root, self.run, self.architecture, self.libc)

    def run(self, command: Sequence[str]) -> str:
        """What the program printed where it was captured."""
        asked = " ".join(command)
        if asked in self.failures:
            raise UnreadableError(f"{command[0]}: {self.failures[asked]}")
        if asked not in self.programs:
            raise UnreadableError(f"{command[0]} is not installed")
        return self.programs[asked]


def read(name: str) -> Captured:
    """The machine of one file."""
    text = (MACHINES / f"{name}.txt").read_text("utf-8")
    captured = Captured()
    for kind, of, body in sections(text):
        KINDS[kind](captured, of, body)
    return captured


def sections(text: str) -> Iterator[tuple[str, str, str]]:
    """Kind, what it is of, and the text of each section."""
    starts = [*SECTION.finditer(text)]
    ends = [match.start() for match in starts[1:]] + [len(text)]
    for match, end in zip(starts, ends, strict=True):
        yield match["kind"], match["of"] or "", text[match.end() : end].strip("\n")


def _uname(captured: Captured, of: str, body: str) -> None:
    captured.architecture = of


def _libc(captured: Captured, of: str, body: str) -> None:
    captured.libc = of


def _archspec(captured: Captured, of: str, body: str) -> None:
    captured.files["/proc/cpuinfo"] = (TARGET_FILES / of).read_text("utf-8")


def _composed(captured: Captured, of: str, body: str) -> None:
    """A CPU with just the flags that archspec lists for a target, and further keys."""
    flags = " ".join(sorted(TARGETS[of].features))
    cpu = f"processor : 0\nvendor_id : {TARGETS[of].vendor}\n{body}\nflags : {flags}\n"
    captured.files["/proc/cpuinfo"] = cpu


def _topology(captured: Captured, of: str, body: str) -> None:
    sockets, cores, threads = map(int, of.split("x"))
    for number in range(sockets * cores * threads):
        here = f"/sys/devices/system/cpu/cpu{number}/topology"
        captured.files[f"{here}/physical_package_id"] = f"{number // threads // cores}\n"
        captured.files[f"{here}/core_id"] = f"{number // threads % cores}\n"
    captured.files["/sys/devices/system/cpu/smt/active"] = f"{int(threads > 1)}\n"


def _pci(captured: Captured, of: str, body: str) -> None:
    for line in body.splitlines():
        address, device_class, numbers, *driver = line.split()
        uevent = [f"DRIVER={driver[0]}"] if driver else []
        uevent += [f"PCI_CLASS={device_class}", f"PCI_ID={numbers}", f"PCI_SLOT_NAME={address}"]
        captured.files[f"/sys/bus/pci/devices/{address}/uevent"] = "\n".join(uevent) + "\n"


def _file(captured: Captured, of: str, body: str) -> None:
    captured.files[of] = f"{body}\n"


def _files(captured: Captured, of: str, body: str) -> None:
    for line in body.splitlines():
        name, _, text = line.partition(": ")
        captured.files[f"{of}/{name}"] = f"{text}\n"


def _run(captured: Captured, of: str, body: str) -> None:
    captured.programs[of] = body


def _fails(captured: Captured, of: str, body: str) -> None:
    captured.failures[of] = body


def _offers(captured: Captured, of: str, body: str) -> None:
    captured.offers = body.split()


def _left_out(captured: Captured, of: str, body: str) -> None:
    captured.left_out = body.splitlines()


KINDS: dict[str, Callable[[Captured, str, str], None]] = {
    "uname": _uname,
    "libc": _libc,
    "cpu of archspec": _archspec,
    "cpu composed": _composed,
    "topology": _topology,
    "pci": _pci,
    "file": _file,
    "files": _files,
    "run": _run,
    "fails": _fails,
    "offers": _offers,
    "left out": _left_out,
}
