"""A worker's line to its parent, as the worker has it.

Knows what a worker says and is asked. Must not know what it counts, nor the other workers.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable

from mitmproxy import ctx

from metahub.proxy.metrics import OfAll
from metahub.workers.counts import Family
from metahub.workers.line import Line, Message
from metahub.workers.place import Place

# The parent gives the others one.
_SECONDS_FOR_THE_PARENT = 2.0


class Upward:
    """Says that mitmproxy listens, what is counted, and ends with the parent."""

    def __init__(self, place: Place, counts: Callable[[], Iterable[Family]]) -> None:
        self._place = place
        self._counts = counts
        self._line: Line | None = None
        self._task: asyncio.Task[None] | None = None
        self._questions = 0
        self._answers: dict[int, asyncio.Future[OfAll]] = {}

    async def running(self) -> None:
        """Listen to the parent from now on."""
        self._line = await Line.over(socket.socket(fileno=self._place.line))
        self._task = asyncio.create_task(self._listen(self._line), name="listen to the parent")

    def greet(self, greeting: object) -> None:
        """Say that mitmproxy listens, and how people are told of it."""
        if self._line is not None:
            seconds = ctx.options.metahub_stop_seconds
            self._line.say({"listening": str(greeting), "stop_seconds": seconds})

    def done(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
        if self._line is not None:
            self._line.close()

    async def of_all(self) -> OfAll | None:
        """What all workers count; None if the parent does not say it in time."""
        if self._line is None:
            return None
        self._questions += 1
        question = self._questions
        self._answers[question] = asyncio.get_running_loop().create_future()
        self._line.say({"asked": question})
        try:
            return await asyncio.wait_for(self._answers[question], _SECONDS_FOR_THE_PARENT)
        except TimeoutError:
            return None
        finally:
            del self._answers[question]

    async def _listen(self, line: Line) -> None:
        try:
            async for message in line.messages():
                self._hear(line, message)
        finally:
            ctx.master.shutdown()  # nobody is left to restart it, or to tell it to stop

    def _hear(self, line: Line, message: Message) -> None:
        if "count" in message:
            counts = [family.message() for family in self._counts()]
            line.say({"counted": message["count"], "counts": counts})
        answer = self._answers.get(message.get("answered", 0))
        if answer is not None and not answer.done():
            counted = tuple(map(Family.of, message["counts"]))
            answer.set_result(OfAll(counted, message["workers"]))
