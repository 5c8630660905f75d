"""The clients, started and listened to.

Knows how to speak with their process. Must not know whom they ask.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

from benchmarks import load as clients
from benchmarks.load import Done, Load
from metahub.demo.program import ProgramError

_MOST_SECONDS = 900.0  # in which whatever is asked has an end
_MOST_SAID = 1 << 26  # bytes: a time for each request


async def asked(load: Load) -> Done:
    """What came of a load. Raises ProgramError if the clients themselves fail."""
    async with asking(load) as done:
        return done


@asynccontextmanager
async def asking(load: Load) -> AsyncIterator[Done]:
    """The same; what the load leaves open is so until the end of the `async with`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        clients.__file__,
        stdin=PIPE,
        stdout=PIPE,
        limit=_MOST_SAID,
        start_new_session=True,  # out of reach of the terminal's Ctrl-C: it is ended here
    )
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            done = await _told(process, load)
        yield done
    finally:
        await _ended(process)


async def _told(process: Process, load: Load) -> Done:
    if process.stdin is None or process.stdout is None:
        raise ProgramError("the clients cannot be spoken with")
    process.stdin.write(f"{json.dumps(asdict(load))}\n".encode())
    said = await process.stdout.readline()
    if not said:
        raise ProgramError("the clients ended without a word")
    return Done(**json.loads(said))


async def _ended(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        process.kill()  # it has nothing to save
    await process.wait()
