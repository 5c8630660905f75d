"""Programs beside this one: on which cores they run, when they accept, what memory they hold.

Knows Linux. Must not know what the programs are.
"""

import asyncio
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from metahub.demo.address import Address
from metahub.demo.program import TIME_TO_START, Program, ProgramError

_BETWEEN_LOOKS = 0.02  # seconds

type Command = Sequence[str | Path]


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores are whose: one for the proxy, and the others for clients and origin."""

    proxy: frozenset[int]
    others: frozenset[int]

    @classmethod
    def here(cls) -> "Cores":
        """Of those that this process may use; with one only, all is on it."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(frozenset(allowed[-1:]), frozenset(allowed[:-1] or allowed))

    @property
    def all(self) -> frozenset[int]:
        """Of both."""
        return self.proxy | self.others


def on_cores(cores: Iterable[int], command: Command) -> Command:
    """The command that runs this one on these cores."""
    return ["taskset", "--cpu-list", ",".join(map(str, sorted(cores))), *command]


async def accepting(address: Address, program: Program) -> None:
    """Wait until the program takes connections. Raises ProgramError."""
    try:
        async with asyncio.timeout(TIME_TO_START):
            while not await _accepts(address):
                if program.running.returncode is not None:
                    said = program.output.read_text(errors="replace")
                    raise ProgramError(f"{program.name} has ended:\n{said}")
                await asyncio.sleep(_BETWEEN_LOOKS)
    except TimeoutError as error:
        raise ProgramError(f"{program.name} does not listen on {address}") from error


async def _accepts(address: Address) -> bool:
    try:
        _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def memory(pid: int) -> float:
    """MiB that a process and its descendants hold; what several share is counted once.

    https://docs.kernel.org/filesystems/proc.html, smaps_rollup. Raises ProcessLookupError.
    """
    return sum(map(_held, _family(pid)))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))


def _held(pid: int) -> float:
    found = re.search(
        r"^Pss:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE
    )
    if found is None:
        raise ProcessLookupError(f"{pid} has no memory: it has ended")
    return int(found[1]) / 1024
