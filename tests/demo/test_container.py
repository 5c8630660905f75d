"""What a pulled program prints."""

from pathlib import Path

import pytest

from metahub.demo import elf
from metahub.demo.container import Printed, host_architecture, printed_by

HOST = host_architecture()
OTHER = "arm64" if HOST == "amd64" else "amd64"


@pytest.mark.skipif(HOST is None, reason="no Linux on amd64 or arm64")
def test_a_program_of_this_machine_runs(tmp_path: Path) -> None:
    """It is the program's own output."""
    program = elf.executable("hello", HOST or "")
    assert printed_by(program, HOST or "", tmp_path) == Printed("hello", ran=True)


def test_a_program_of_another_machine_is_read(tmp_path: Path) -> None:
    """Nothing is written, nothing runs."""
    assert printed_by(elf.executable("hello", OTHER), OTHER, tmp_path) == Printed(
        "hello", ran=False
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(HOST is None, reason="no Linux on amd64 or arm64")
def test_what_cannot_be_run_is_read(tmp_path: Path) -> None:
    """A directory that takes no executable is no failure."""
    program = elf.executable("hello", HOST or "")
    assert printed_by(program, HOST or "", tmp_path / "missing") == Printed("hello", ran=False)


def test_what_is_no_program_is_an_error(tmp_path: Path) -> None:
    """Not a line that nobody printed."""
    with pytest.raises(ValueError, match=r"^not an executable of the demo"):
        printed_by(b"not a program", HOST or "amd64", tmp_path)
