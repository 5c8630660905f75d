"""What the program of a pulled image prints: it is run where this machine can, and read elsewhere.

Knows which machine this is; must not know where the program came from.
"""

import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from metahub.demo import elf

# uname(2) -> the words of OCI
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
TIME_TO_PRINT = 10  # seconds


@dataclass(frozen=True, slots=True)
class Printed:
    """A line, without its newline, and whether the program really ran to print it."""

    line: str
    ran: bool


def host_architecture() -> str | None:
    """The architecture whose programs this machine runs, None if it runs none of ours."""
    return ARCHITECTURES.get(platform.machine()) if sys.platform == "linux" else None


def printed_by(program: bytes, architecture: str, directory: Path) -> Printed:
    """What a program prints; a file of it is left in `directory`. Raises ValueError if unreadable.

    A directory that nothing can be executed in is a reason to read, not to fail.
    """
    if architecture != host_architecture():
        return Printed(elf.line_of(program), ran=False)
    try:
        return Printed(_run(program, directory / "program"), ran=True)
    except (OSError, subprocess.SubprocessError):
        return Printed(elf.line_of(program), ran=False)


def _run(program: bytes, file: Path) -> str:
    file.write_bytes(program)
    file.chmod(0o700)
    ended = subprocess.run(
        [file], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME_TO_PRINT, check=True
    )
    return ended.stdout.decode().removesuffix("\n")
