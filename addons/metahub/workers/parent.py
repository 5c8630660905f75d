"""The parent of the workers: starts them, replaces them, ends them, and adds up what they count.

Knows when a worker is one too many or too few. Must not know what they serve: no client's byte
comes here.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from metahub.workers.counts import Family, left_by, together
from metahub.workers.worker import Started, Worker, how_it_ended

type Say = Callable[[str], None]

type Start = Callable[[int], Awaitable[Worker]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a worker is replaced, in seconds."""

    first: float = 0.5
    most: float = 30.0
    """Each time that it does not get to work, the pause before the next doubles up to here."""
    working: float = 10.0
    """A worker that was there for so long did get to work."""
    tries: int = 5
    """So often in a row none gets to listen, while none does, and the parent gives up."""

    counting: float = 1.0
    """How long a worker may take to say what it counted."""
    looking: float = 15.0
    """How often each worker is asked, for what it counted, and for whether it answers."""
    patience: float = 60.0
    """A worker that does not answer for so long serves nobody: it is ended, and replaced."""
    ending: float = 5.0
    """How long it may take to end, beyond what it said it would."""


_PACE = Pace()


def run_until_stopped(parent: "Parent") -> int:
    """Run it, and obey the signals that a service is told by; the exit code."""

    async def obedient() -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, parent.stop)
        # A terminal that is closed says so by the same signal, and means the end.
        if sys.stdin is None or not sys.stdin.isatty():
            loop.add_signal_handler(signal.SIGHUP, parent.reload)
        return await parent.run()

    return asyncio.run(obedient())


class Parent:
    """Runs so many workers until it is told to stop.

    `start` begins one of a number; `greet` is given what the first of them says, when all listen;
    `report`, what went wrong.
    """

    def __init__(
        self,
        start: Start,
        count: int,
        greet: Say,
        report: Say,
        pace: Pace = _PACE,
    ) -> None:
        self._start = start
        self._count = count
        self._greet = greet
        self._report = report
        self._pace = pace
        self._workers: dict[int, Worker] = {}
        self._started: Started | None = None
        self._starting = 0
        self._failed = 0  # since any worker got to listen
        self._stops = 0  # how often it was told to
        self._gone: tuple[Family, ...] = ()
        self._questions = 0
        self._news = asyncio.Event()
        self._end: asyncio.Future[int]
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """The exit code: 0 if it was told to stop, or else that of the worker that failed."""
        self._end = asyncio.get_running_loop().create_future()
        self._spawn(self._begin())
        try:
            return await self._end
        finally:
            await self._end_all()

    async def _begin(self) -> None:
        """The first alone: it makes what is not there yet, and says what is wrong, once.

        When all are there, look after them.
        """
        self._spawn(self._keep(0))
        await self._until_they_listen(1)
        for number in range(1, self._count):
            self._spawn(self._keep(number))
        await self._until_they_listen(self._count)
        self._started = self._workers[0].listening.result()
        self._greet(self._started.greeting)
        while True:
            await asyncio.sleep(self._pace.looking)
            for worker in self._listening():
                self._spawn(self._look_after(worker))

    async def _until_they_listen(self, count: int) -> None:
        while len(self._listening()) < count:
            self._news.clear()
            await self._news.wait()

    async def _keep(self, number: int) -> None:
        """Have a worker of this number, always."""
        pause = self._pace.first
        while not self._is_stopping():
            began = time.monotonic()
            code = await self._worked(number)
            if self._is_stopping():
                break
            if self._started is None or self._is_hopeless():
                self._give_up(number, code)
                return
            if time.monotonic() - began > self._pace.working:
                pause = self._pace.first
            self._report(
                f"Worker {number} ended {how_it_ended(code)};"
                f" another takes its place in {pause:g} seconds."
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._pace.most)
        self._conclude_if_alone()

    async def _look_after(self, worker: Worker) -> None:
        self._questions += 1
        answered, _ = await asyncio.wait([worker.ask(self._questions)], timeout=self._pace.patience)
        if not answered:
            patience = f"{self._pace.patience:g} seconds"
            self._report(f"Worker {worker.number} has not answered for {patience}, and is killed.")
            worker.signal(signal.SIGKILL)

    def _listening(self) -> list[Worker]:
        return [worker for worker in self._workers.values() if worker.listens]

    async def _worked(self, number: int) -> int:
        """How a worker ended that begins now."""
        self._starting += 1
        try:
            worker = await self._start(number)
        except OSError as error:  # a machine without memory, or processes, for another
            self._report(f"Worker {number} cannot be started: {error.strerror or error}.")
            self._failed += 1
            return 1
        finally:
            self._starting -= 1
        self._workers[number] = worker
        worker.listening.add_done_callback(self._heard)
        if self._stops:
            worker.signal(signal.SIGTERM)
        try:
            return await worker.ended(self._asked)
        finally:
            self._part_with(worker)

    def _part_with(self, worker: Worker) -> None:
        worker.line.close()
        if worker.process.returncode is not None:
            del self._workers[worker.number]
        self._gone = together([self._gone, left_by(worker.counts)])
        self._failed += not worker.listens

    def _heard(self, listening: asyncio.Future[Started]) -> None:
        if not listening.cancelled():
            self._failed = 0
            self._news.set()

    def _is_stopping(self) -> bool:
        return self._stops > 0

    def _is_hopeless(self) -> bool:
        return not self._listening() and self._failed >= self._pace.tries

    def _give_up(self, number: int, code: int) -> None:
        """A worker that ends by itself has said why."""
        if code <= 0:
            self._report(f"Worker {number} ended {how_it_ended(code)} before it listened.")
        self._conclude(max(code, 1))

    def _conclude_if_alone(self) -> None:
        if not self._workers and not self._starting:
            self._conclude(0)

    def _conclude(self, code: int) -> None:
        if not self._end.done():
            self._end.set_result(code)

    def stop(self) -> None:
        """Once, and the workers end when what is under way has; twice, and they end now."""
        self._stops += 1
        self._tell_all(signal.SIGTERM)
        allowed = self._started.stop_seconds if self._started and self._stops == 1 else 0
        until = allowed + self._pace.ending
        asyncio.get_running_loop().call_later(until, self._tell_all, signal.SIGKILL)
        self._conclude_if_alone()

    def reload(self) -> None:
        """Have all workers read the rules now."""
        self._tell_all(signal.SIGHUP)

    def _tell_all(self, number: signal.Signals) -> None:
        for worker in self._workers.values():
            # Before it listens, it would take the signal for what it is by default: the end.
            if worker.listens or number is not signal.SIGHUP:
                worker.signal(number)

    async def _end_all(self) -> None:
        """Whatever is left, at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tell_all(signal.SIGKILL)
        for worker in self._workers.values():
            await worker.process.wait()

    def _asked(self, asker: Worker, question: int) -> None:
        self._spawn(self._answer(asker, question))

    async def _answer(self, asker: Worker, question: int) -> None:
        """Tell a worker what all of them count, that are and that were."""
        self._questions += 1
        answers = {worker.ask(self._questions): worker for worker in self._listening()}
        if not answers:
            return
        done, _ = await asyncio.wait(answers, timeout=self._pace.counting)
        told = [answers[each] for each in done if not each.cancelled()]
        told.sort(key=lambda worker: worker.number)
        counts = together([*(worker.counts for worker in told), self._gone])
        answer = {"counts": [family.message() for family in counts], "workers": len(told)}
        asker.line.say({"answered": question} | answer)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """A task that fails is a bug, and nobody would see it otherwise."""
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None and not self._end.done():
            self._end.set_exception(failure)
