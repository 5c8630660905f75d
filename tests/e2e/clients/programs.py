"""Where the programs of a client come from: this machine's own, or those of another suite.

Knows which commands there are. Must not know what they are told.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.e2e.machine.parts import require
from tests.e2e.machine.running import bare_environment


class Programs(Protocol):
    """Programs that can be started."""

    def require(self, *names: str) -> None:
        """Skip or fail the test unless all of them are there."""

    def command(self, words: Sequence[str], directory: Path) -> list[str]:
        """What starts the program `words[0]`, which keeps everything below a directory."""

    def version(self, program: str) -> str:
        """The version of a program that is there: `20.10.24`."""


class Here:
    """The programs that Debian installed on this machine."""

    def require(self, *names: str) -> None:
        """Skip the test, or fail it under CI=true."""
        require(*names)

    def command(self, words: Sequence[str], directory: Path) -> list[str]:
        """The words themselves: PATH finds the program."""
        return list(words)

    def version(self, program: str) -> str:
        """What the program itself says."""
        said = subprocess.run(
            [program, "--version"],
            env=bare_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        found = re.search(r"\d+(\.\d+)+", said.stdout)
        return found[0] if found else "of an unknown version"


HERE = Here()
