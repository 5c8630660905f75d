"""Asking a machine: files that cannot be read, and programs that do not answer."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.node.detect import UnreadableError, this_machine
from metahub.node.detect import machine as machine_module
from metahub.node.detect.machine import Machine, run


def script(directory: Path, text: str, name: str = "program") -> str:
    """A program in a directory."""
    file = directory / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def refusal(*command: str) -> str:
    """Why a program says nothing."""
    with pytest.raises(UnreadableError) as caught:
        run(command)
    return str(caught.value)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's rights, where the tests have them."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(before)


def test_a_program_is_asked_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it prints has no white space around it."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert run([script(tmp_path, 'echo; echo "  $LC_ALL $1"; echo'), "argument"]) == "C argument"


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    """The first line of what it says, and without what nvidia-smi says before every reason."""
    smi = script(
        tmp_path, 'echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18'
    )
    assert refusal(smi) == f"{smi}: Driver/library version mismatch"
    loud = script(tmp_path, "echo 'no such thing' >&2; echo more >&2; exit 3")
    assert refusal(loud) == f"{loud}: no such thing"
    silent = script(tmp_path, "exit 3")
    assert refusal(silent) == f"{silent}: ended with exit code 3"


def test_a_program_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a person would, also where a directory of PATH is somebody else's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with as_nobody():
        assert refusal("nvidia-smi-of-nobody") == "nvidia-smi-of-nobody is not installed"


def test_a_program_that_cannot_run_is_said(tmp_path: Path) -> None:
    """With the reason of the system."""
    other = tmp_path / "of-another-architecture"
    other.write_bytes(b"\x7fELF?")
    other.chmod(0o755)
    assert refusal(str(other)) == f"{other} cannot be run: Exec format error"


def test_a_program_that_hangs_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed, since a driver that hangs may do so for ever."""
    monkeypatch.setattr(machine_module, "PATIENCE", 0.2)
    hangs = script(tmp_path, "exec sleep 60")
    began = time.monotonic()
    assert refusal(hangs) == f"{hangs}: said nothing within 0.2 seconds"
    assert time.monotonic() - began < 30


def test_a_file_says_why_it_is_not_read(tmp_path: Path) -> None:
    """Absent, or a directory; and a directory that is none."""
    machine = Machine(tmp_path, run, "x86_64", None)
    (tmp_path / "file").write_text(" text \n")
    assert machine.text("/file") == "text"
    assert machine.text_or("/absent", "none") == "none"
    assert machine.names("/") == ("file",)
    assert machine.names_or_none("/absent") == ()
    for asked, path, reason in (
        (machine.text, "/absent", "/absent is not there"),
        (machine.text, "/", "/ cannot be read: Is a directory"),
        (machine.names, "/file", "/file cannot be read: Not a directory"),
    ):
        with pytest.raises(UnreadableError, match=f"^{reason}$"):
            asked(path)


def test_a_file_of_root_is_said_to_be(tmp_path: Path) -> None:
    """A serial number, for instance."""
    (tmp_path / "serial").touch(mode=0)
    with as_nobody(), pytest.raises(UnreadableError) as caught:
        Machine(tmp_path, run, "x86_64", None).text("/serial")
    assert str(caught.value) == "/serial may be read by root only"


def test_an_endless_file_is_read_in_part(tmp_path: Path) -> None:
    """Nothing that a device says fills the memory."""
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert len(Machine(tmp_path, run, "x86_64", None).text("/zero")) == 4 * 1024 * 1024


def test_this_machine_is_the_one_that_runs_this() -> None:
    """Its kernel is the kernel that Python sees."""
    machine = this_machine()
    assert machine.text("/proc/sys/kernel/osrelease") == os.uname().release
    assert machine.run([sys.executable, "-c", "print(6 * 7)"]) == "42"
    assert machine.architecture == os.uname().machine
