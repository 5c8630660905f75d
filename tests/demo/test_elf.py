"""Executables without a compiler."""

import subprocess
from pathlib import Path

import pytest

from metahub.demo import elf
from metahub.demo.container import host_architecture

LINES = ["", "hello", ">> This container is optimized for: cpu:broadwell,nvcap:5.2", "größer"]


@pytest.mark.skipif(host_architecture() is None, reason="no Linux on amd64 or arm64")
@pytest.mark.parametrize("line", LINES)
def test_runs_and_prints_its_line(line: str, tmp_path: Path) -> None:
    """The kernel takes it, it prints the line and a newline, and exits with 0."""
    file = tmp_path / "program"
    file.write_bytes(elf.executable(line, host_architecture() or ""))
    file.chmod(0o700)
    assert subprocess.run([file], capture_output=True, check=True).stdout == f"{line}\n".encode()


@pytest.mark.parametrize("architecture", elf.MACHINES)
@pytest.mark.parametrize("line", LINES)
def test_can_be_read_instead(line: str, architecture: str) -> None:
    """What it would print can be read out of it, on any machine."""
    assert elf.line_of(elf.executable(line, architecture)) == line


@pytest.mark.parametrize(("architecture", "number"), [("amd64", 62), ("arm64", 183)])
def test_is_small_and_of_the_asked_machine(architecture: str, number: int) -> None:
    """A few hundred bytes, with e_machine of elf(5) at its place."""
    content = elf.executable("hello", architecture)
    assert len(content) < 300
    assert int.from_bytes(content[18:20], "little") == number


def test_refuses_an_architecture_without_code() -> None:
    """The error names the ones that there are."""
    with pytest.raises(ValueError, match=r"^no code for 's390x'; expected one of amd64, arm64$"):
        elf.executable("hello", "s390x")


def test_refuses_a_line_that_one_instruction_cannot_count() -> None:
    """The newline counts too."""
    assert elf.line_of(elf.executable("x" * 65534, "arm64")) == "x" * 65534
    with pytest.raises(ValueError, match=r"^the line has 65536 bytes; expected at most 65535$"):
        elf.executable("x" * 65535, "arm64")


@pytest.mark.parametrize(
    "content",
    [b"", b"\x7fELF", elf.executable("cut", "amd64")[:-1], b"#!/bin/sh\necho hello\n"],
    ids=["empty", "magic", "cut", "script"],
)
def test_reads_nothing_but_its_own(content: bytes) -> None:
    """A line is never guessed."""
    with pytest.raises(ValueError, match=r"^not an executable of the demo"):
        elf.line_of(content)
