"""One worker, as its parent knows it.

Knows its process, and what is said over its line. Must not know the other workers.
"""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Self

from metahub.workers.counts import Family
from metahub.workers.line import Line, Message
from metahub.workers.place import Place

# A worker that hangs up and stays is none.
_SECONDS_TO_END = 10.0

type Asked = Callable[["Worker", int], None]
"""Is told of a worker that asks what all count, and of its number for the question."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a worker says when it listens."""

    greeting: str
    stop_seconds: int
    """How long it may take to end."""


@dataclass(eq=False, slots=True)
class Worker:
    """A running worker. Nothing is heard of it unless somebody waits for its end."""

    number: int
    process: Process
    line: Line
    listening: asyncio.Future[Started]
    """Is cancelled if it ends before it listens."""
    counts: tuple[Family, ...] = ()
    """What it counted when it was last asked."""
    _answers: dict[int, asyncio.Future[None]] = field(default_factory=dict)

    @classmethod
    async def start(cls, number: int, command: Sequence[str], port: int | None = None) -> Self:
        """Start a command as a worker."""
        ours, theirs = socket.socketpair()
        with ExitStack() as ends, theirs:
            ends.enter_context(ours)
            place = Place(number, theirs.fileno(), port)
            process = await asyncio.create_subprocess_exec(
                *command,
                env=os.environ | place.variable(),
                pass_fds=(theirs.fileno(),),
                process_group=0,  # a terminal's Ctrl-C is the parent's to hear
            )
            ends.pop_all()  # ours stays open
        listening = asyncio.get_running_loop().create_future()
        return cls(number, process, await Line.over(ours), listening)

    @property
    def listens(self) -> bool:
        """True from the moment when it does."""
        return self.listening.done() and not self.listening.cancelled()

    async def ended(self, asked: Asked) -> int:
        """Hear what it says until it ends; its exit code, negative for a signal's number."""
        async for message in self.line.messages():
            self._hear(message, asked)
        self.listening.cancel()
        for answer in self._answers.values():
            answer.cancel()
        with suppress(TimeoutError):
            return await asyncio.wait_for(self.process.wait(), _SECONDS_TO_END)
        self.signal(signal.SIGKILL)
        return await self.process.wait()

    def ask(self, question: int) -> asyncio.Future[None]:
        """Have it say what it counted; is done when `counts` are new, cancelled when it ends."""
        self._answers[question] = asyncio.get_running_loop().create_future()
        self.line.say({"count": question})
        return self._answers[question]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def _hear(self, message: Message, asked: Asked) -> None:
        if "listening" in message and not self.listening.done():
            self.listening.set_result(Started(message["listening"], message["stop_seconds"]))
        if "asked" in message:
            asked(self, message["asked"])
        if "counted" in message:
            self.counts = tuple(map(Family.of, message["counts"]))
            answer = self._answers.pop(message["counted"], None)
            if answer is not None and not answer.done():
                answer.set_result(None)


def this_command() -> Sequence[str]:
    """What this process was started as, to be a worker this time."""
    return (sys.executable, *sys.orig_argv[1:])


def how_it_ended(code: int) -> str:
    """In words: a negative code is the number of a signal."""
    return f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
