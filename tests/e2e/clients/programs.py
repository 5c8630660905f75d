"""Where the programs of a client come from: this machine's own, or those of another suite.

Knows which commands there are. Must not know what they are told.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.e2e.parts import require
from tests.e2e.running import bare_environment


class Programs(Protocol):
    """Programs that can be started."""

    def require(self, *names: str) -> None:
        """Skip or fail the test unless all of them are there."""

    def command(self, words: Sequence[str], directory: Path) -> list[str]:
        """What starts the program `words[0]`, which keeps everything below a directory."""

    def output(self, *words: str) -> str:
        """What a program says that needs nothing, such as its version; empty if it is not there."""


class Here:
    """The programs that Debian installed on this machine."""

    def require(self, *names: str) -> None:
        """Skip the test, or fail it under CI=true."""
        require(*names)

    def command(self, words: Sequence[str], directory: Path) -> list[str]:
        """The words themselves: PATH finds the program."""
        return list(words)

    def output(self, *words: str) -> str:
        """Standard output, whatever the exit code."""
        environment = bare_environment()
        program = shutil.which(words[0], path=environment["PATH"])
        if program is None:
            return ""
        done = subprocess.run(
            [program, *words[1:]], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout


HERE = Here()
