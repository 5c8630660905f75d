"""Another program that runs beside this one: started, waited for, and stopped by its own id.

Knows its output and its end; must not know what it does.
"""

import asyncio
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

TIME_TO_START = 60.0  # seconds; a busy machine needs some for Python and mitmproxy
TIME_TO_STOP = 10.0
BETWEEN_LOOKS = 0.05
LAST_LINES = 8  # of its output, in an error


class ProgramError(Exception):
    """A program did not get ready; the message shows the last that it said."""


@dataclass(frozen=True, slots=True)
class Program:
    """A running program, whose output goes to a file."""

    name: str
    running: Process
    output: Path

    async def said(self, words: str, seconds: float = TIME_TO_START) -> str:
        """The first line of its output that contains `words`. Raises ProgramError."""
        try:
            async with asyncio.timeout(seconds):
                return await self._wait_for(words)
        except TimeoutError as error:
            raise self._failure(f"did not say {words!r} within {seconds:g} seconds") from error

    async def _wait_for(self, words: str) -> str:
        while (line := self._line_with(words)) is None:
            if self.running.returncode is not None:
                raise self._failure(f"ended with status {self.running.returncode}")
            await asyncio.sleep(BETWEEN_LOOKS)
        return line

    def _lines(self) -> Sequence[str]:
        # The last line may be half written.
        whole, newline, _ = self.output.read_text(errors="replace").rpartition("\n")
        return whole.split("\n") if newline else []

    def _line_with(self, words: str) -> str | None:
        return next((line for line in self._lines() if words in line), None)

    def _failure(self, what: str) -> ProgramError:
        last = "\n".join(self._lines()[-LAST_LINES:]) or "(nothing)"
        return ProgramError(f"{self.name} {what}; the last that it said:\n{last}")

    async def stop(self, seconds: float = TIME_TO_STOP) -> None:
        """Ask it to end, and end it if it has not within so many seconds."""
        if self.running.returncode is None:
            self.running.terminate()
        try:
            async with asyncio.timeout(seconds):
                await self.running.wait()
        except TimeoutError:
            self.running.kill()
            await self.running.wait()


@asynccontextmanager
async def started(name: str, command: Sequence[str | Path], output: Path) -> AsyncIterator[Program]:
    """A program that runs as long as the `async with` lasts, with its output in a file.

    Raises ProgramError if it cannot be started.
    """
    program = Program(name, await _start(name, command, output), output)
    try:
        yield program
    finally:
        await program.stop()


async def _start(name: str, command: Sequence[str | Path], output: Path) -> Process:
    # A session of its own keeps it out of reach of the terminal's Ctrl-C: we stop it, in order.
    with output.open("wb") as file:
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramError(f"{name} cannot be started: {error}") from error
