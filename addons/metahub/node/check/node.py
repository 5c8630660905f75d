"""A node: its files, the environment of who asks, and the programs that know more.

Knows how a program is asked. Must not know a runtime.
"""

import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from metahub.node.check.root import Root

TIMEOUT = 5.0
"""Seconds that one thing that is asked may take: a program, a name, an answer of the proxy."""


@dataclass(frozen=True, slots=True)
class Node:
    """What is looked at. `programs` is a PATH; where it is empty, none is asked."""

    root: Root
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    programs: str = ""
    now: float = field(default_factory=time.time)
    """The clock of the node, in seconds of the Unix time."""

    @property
    def config(self) -> str:
        """Where the files of who asks are."""
        own = self.environment.get("XDG_CONFIG_HOME")
        return own or f"{self.environment.get('HOME', '/root')}/.config"

    def ask(self, program: str, *words: str) -> str | None:
        """What a program says; None if it is not there, fails, or takes too long."""
        path = shutil.which(program, path=self.programs) if self.programs else None
        if path is None:
            return None
        try:
            done = subprocess.run(
                [path, *words],
                capture_output=True,
                check=True,
                timeout=TIMEOUT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.decode(errors="replace")
