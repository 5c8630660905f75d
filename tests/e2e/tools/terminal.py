"""A terminal that nobody sees: tmux, with a server of its own, types and reads as a person does.

Knows tmux(1). Must not know which program runs in it.
"""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.machine.running import PATIENCE, PAUSE, bare_environment, start, wait_until

COLUMNS, ROWS = 160, 50


class NotSeen(Exception):
    """A screen does not come to show what a person would look for."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal, and what runs in it."""

    socket: Path

    def run(self, command: Sequence[str]) -> None:
        """Run a command; its last words stay on the screen."""
        self._tmux("set-option", "-g", "remain-on-exit", "on")
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        self._tmux("new-session", "-d", *size, "--", *command)

    def press(self, *keys: str) -> None:
        """Press keys by their names, `Enter`, `C-c`, or what they write."""
        self._tmux("send-keys", "--", *keys)

    def type(self, text: str) -> None:
        """Type it, and Enter."""
        self._tmux("send-keys", "-l", "--", text)
        self.press("Enter")

    def screen(self) -> str:
        """What is on the screen."""
        return self._tmux("capture-pane", "-p")

    def sees(self, *words: str) -> str:
        """The screen as soon as all the words are on it. Raises NotSeen."""
        deadline = time.monotonic() + PATIENCE
        while any(word not in (screen := self.screen()) for word in words):
            if time.monotonic() > deadline:
                raise NotSeen(f"{words} on\n{screen}")
            time.sleep(PAUSE)
        return screen

    def is_there(self) -> bool:
        """Whether tmux listens: the socket is there a moment earlier."""
        return self._asked("show-options", "-g").returncode == 0

    def _tmux(self, *words: str) -> str:
        done = self._asked(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _asked(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["tmux", "-N", "-u", "-S", str(self.socket), *words],
            env=bare_environment(),
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def terminal(directory: Path, **environment: str) -> Iterator[Terminal]:
    """A terminal as long as it lasts; what runs in it, in this environment, ends with it."""
    socket = directory / "tmux"
    running = start(
        ["tmux", "-D", "-f", "/dev/null", "-S", str(socket)],
        log=directory / "tmux.log",
        environment=bare_environment(HOME=str(directory), **environment),
        directory=directory,
    )
    shown = Terminal(socket)
    try:
        wait_until(shown.is_there, running)
        yield shown
    finally:
        running.stop()
