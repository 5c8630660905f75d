"""A machine that can be asked: the files below its root, and what its programs print.

Knows how reading and running fail, in words. Must not know what any of it means.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

PATIENCE = 10
"""Seconds that a program may take. nvidia-smi loads the driver first, where nothing else has."""

_LARGEST = 4 * 1024 * 1024
"""Bytes that are read of one file: /proc/cpuinfo has some 1.5 KiB for each of up to 2048 CPUs."""

_PART = 64 * 1024
"""Bytes that are asked for at a time: for a file of /proc/sys the kernel sets aside as many."""


class UnreadableError(Exception):
    """A file or a program does not say what was asked; the sentence says why."""


type Run = Callable[[Sequence[str]], str]
"""Runs a program and gives what it printed. Raises UnreadableError."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Stands for a whole machine, so that a captured one can take the place of this one."""

    root: Path
    run: Run
    architecture: str
    """The word of uname: `x86_64`, `aarch64`."""
    libc: str | None
    """What the C library calls itself, like `glibc 2.36`; None if it does not."""

    def text(self, path: str) -> str:
        """What stands in a file, without white space around it. Raises UnreadableError."""
        try:
            with (self.root / path.lstrip("/")).open("rb", buffering=0) as file:
                parts = islice(iter(lambda: file.read(_PART), b""), _LARGEST // _PART)
                return b"".join(parts).decode(errors="replace").strip()
        except OSError as error:
            raise UnreadableError(_in_words(path, error)) from error

    def text_or(self, path: str, otherwise: str = "") -> str:
        """What stands in a file, where another value does as well if nothing can be read."""
        with contextlib.suppress(UnreadableError):
            return self.text(path)
        return otherwise

    def names(self, path: str) -> tuple[str, ...]:
        """What is in a directory, in order. Raises UnreadableError."""
        try:
            return tuple(sorted(entry.name for entry in (self.root / path.lstrip("/")).iterdir()))
        except OSError as error:
            raise UnreadableError(_in_words(path, error)) from error

    def names_or_none(self, path: str) -> tuple[str, ...]:
        """What is in a directory; nothing, if it cannot be read."""
        with contextlib.suppress(UnreadableError):
            return self.names(path)
        return ()


def this_machine() -> Machine:
    """The machine that this runs on."""
    return Machine(Path("/"), run, os.uname().machine, _libc())


def run(command: Sequence[str]) -> str:
    """What a program prints. Raises UnreadableError if it is not there, fails, or takes too long.

    It speaks English, and finds what only an administrator's PATH has.
    """
    program = command[0]
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    file = shutil.which(program, path=path)
    if file is None:
        raise UnreadableError(f"{program} is not installed")
    try:
        done = subprocess.run(
            [file, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "LC_ALL": "C", "PATH": path},
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableError(f"{program}: said nothing within {PATIENCE} seconds") from error
    except OSError as error:
        raise UnreadableError(f"{program} cannot be run: {error.strerror}") from error
    return _said(program, done)


def _said(program: str, done: subprocess.CompletedProcess[bytes]) -> str:
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        complaint = said or done.stderr.decode(errors="replace").strip()
        raise UnreadableError(f"{program}: {_first_line(complaint, done.returncode)}")
    return said


def _first_line(complaint: str, status: int) -> str:
    """nvidia-smi complains on stdout, and in the first line."""
    first = complaint.partition("\n")[0].strip().removeprefix("Failed to initialize NVML: ")
    return first[:200] or f"ended with exit code {status}"


def _libc() -> str | None:
    """The C library asked by a name that only glibc knows.

    https://docs.python.org/3/library/os.html#os.confstr
    """
    with contextlib.suppress(ValueError, OSError):
        return os.confstr("CS_GNU_LIBC_VERSION")
    return None


def _in_words(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} is not there"
    if isinstance(error, PermissionError):
        return f"{path} may be read by root only"
    return f"{path} cannot be read: {error.strerror}"
