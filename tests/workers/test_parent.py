"""The parent of workers: what it does when one ends, when it is to stop, and when it is asked."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from metahub.workers.line import Line
from metahub.workers.parent import Pace, Parent
from metahub.workers.worker import Worker

A_WORKER = Path(__file__).with_name("a_worker.py")
QUICK = Pace(first=0.05, most=0.1, working=60, tries=3, counting=10)


@dataclass
class Family:
    """A parent with workers, and what was said."""

    marks: Path
    greetings: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)

    pace: Pace = QUICK

    def __post_init__(self) -> None:
        said = self.greetings.append, self.reports.append
        self.parent = Parent(self._start, 2, *said, self.pace)

    def _start(self, number: int) -> "asyncio.Task[Worker]":
        command: Sequence[str] = (sys.executable, str(A_WORKER), str(self.marks))
        return asyncio.ensure_future(Worker.start(number, command, 4711))

    def mark(self, name: str) -> None:
        """Have the workers do otherwise."""
        (self.marks / name).touch()

    def has(self, *names: str) -> bool:
        """True if the workers left all of these."""
        return all((self.marks / name).exists() for name in names)

    def pid(self, number: int) -> int:
        """Of the worker of this number that listened last."""
        return int((self.marks / f"pid-{number}").read_text())

    async def kill(self, number: int) -> None:
        """End a worker, and wait for the one that takes its place."""
        gone = self.pid(number)
        os.kill(gone, signal.SIGKILL)
        await until(lambda: self.pid(number) != gone and self.listens(number))

    def listens(self, number: int) -> bool:
        """True if the parent has heard so."""
        worker = self.parent._workers.get(number)
        return worker is not None and worker.listens

    async def counted(self) -> dict[str, float]:
        """What worker 0 is told that all count, with the number of workers that said it."""
        file = self.marks / "answered-0"
        file.unlink(missing_ok=True)
        self.parent.reload()
        await until(file.exists)
        answer = json.loads(file.read_text())
        samples = [sample for family in answer["counts"] for sample in family["samples"]]
        return {name: value for name, _, value in samples} | {"workers": answer["workers"]}


async def until(claim: Callable[[], bool]) -> None:
    """Wait for what comes true."""
    async with asyncio.timeout(20):
        while not claim():  # noqa: ASYNC110 - a file tells of no event
            await asyncio.sleep(0.01)


def is_there(pid: int) -> bool:
    """True while a process has this id."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@asynccontextmanager
async def running(family: Family) -> AsyncIterator["asyncio.Task[int]"]:
    """Its parent, as a task whose result is the exit code; no worker is left."""
    task = asyncio.create_task(family.parent.run())
    try:
        await until(lambda: bool(family.greetings) or task.done())
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    left = [int(file.read_text()) for file in family.marks.glob("pid-*")]
    assert not any(map(is_there, left))


@pytest.fixture
def family(tmp_path: Path) -> Family:
    """One that is not yet begun."""
    return Family(tmp_path)


async def test_it_greets_once_and_stops_with_its_workers(family: Family) -> None:
    """When all listen, with the words of the first; each is told to stop, and ends."""
    async with running(family) as task:
        assert family.greetings == ["0 of 4711"]
        assert family.has("pid-0", "pid-1")
        family.parent.stop()
        assert await task == 0
    assert family.has("SIGTERM-0", "SIGTERM-1")
    assert family.reports == []


@pytest.mark.parametrize("looks", [0, 1, 3])
async def test_it_stops_before_any_worker_listens(looks: int, family: Family) -> None:
    """However far the first has come."""
    task = asyncio.create_task(family.parent.run())
    for _ in range(looks + 1):
        await asyncio.sleep(0)
    family.parent.stop()
    assert await task == 0
    assert family.greetings == []


async def test_a_worker_that_ends_is_replaced(family: Family) -> None:
    """And it is said how it ended; the pause grows while none gets to work for long."""
    async with running(family):
        for _ in range(3):
            await family.kill(1)
    takes = "another takes its place in"
    assert family.reports == [
        f"Worker 1 ended by SIGKILL; {takes} {pause} seconds." for pause in ("0.05", "0.1", "0.1")
    ]


async def test_a_machine_without_room_for_another_worker(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is tried again, and the others go on."""
    start, refusals = Worker.start, iter([OSError(11, "Resource temporarily unavailable")])

    async def hesitant(number: int, *rest: Any) -> Worker:
        if family.has("pid-1") and (refusal := next(refusals, None)):
            raise refusal
        return await start(number, *rest)

    monkeypatch.setattr(Worker, "start", hesitant)
    async with running(family):
        await family.kill(1)
    said = "Worker 1 cannot be started: Resource temporarily unavailable."
    assert family.reports[1] == said


async def test_a_message_that_nobody_finished() -> None:
    """Of a worker, or a parent, that was killed amid it: it is the end, and no mistake."""
    ours, theirs = socket.socketpair()
    line = await Line.over(ours)
    theirs.sendall(b'{"asked": 1}\n{"counted": 1, "cou')
    theirs.close()
    assert [message async for message in line.messages()] == [{"asked": 1}]
    line.close()


async def test_a_reload_reaches_every_worker(family: Family) -> None:
    """By the signal that a service is told so."""
    async with running(family):
        family.parent.reload()
        await until(lambda: family.has("SIGHUP-0", "SIGHUP-1"))


@pytest.mark.parametrize("number", [0, 1])
async def test_a_worker_that_never_listens(number: int, family: Family) -> None:
    """Ends the parent with its own exit code: it has said itself why."""
    family.mark(f"never-{number}")
    async with running(family) as task:
        assert await task == 3
    assert (family.greetings, family.reports) == ([], [])


async def test_a_worker_that_is_killed_before_it_listens(tmp_path: Path) -> None:
    """Has not said why, so that the parent does."""
    said: list[str] = []
    killed = (sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")
    parent = Parent(lambda number: Worker.start(number, killed), 2, said.append, said.append)
    assert await parent.run() == 1
    assert said == ["Worker 0 ended by SIGKILL before it listened."]


async def test_it_gives_up_when_none_comes_to_listen_again(family: Family) -> None:
    """After some tries, so that whoever watches over the service sees it."""
    async with running(family) as task:
        family.mark("never-0")
        family.mark("never-1")
        for number in (0, 1):
            os.kill(family.pid(number), signal.SIGKILL)
        assert await task == 3
    assert len(family.reports) >= QUICK.tries


async def test_it_does_not_give_up_while_one_listens(family: Family) -> None:
    """Clients are served by that one, until the other is well again."""
    async with running(family) as task:
        family.mark("never-1")
        gone = family.pid(1)
        os.kill(gone, signal.SIGKILL)
        await until(lambda: len(family.reports) > QUICK.tries + 1)
        (family.marks / "never-1").unlink()
        await until(lambda: family.pid(1) != gone)
        assert not task.done()


@pytest.mark.parametrize("times", [1, 2])
async def test_a_worker_that_does_not_end(times: int, tmp_path: Path) -> None:
    """Is ended, when the time that it asked for is over; the parent stops all the same."""
    family = Family(tmp_path, pace=replace(QUICK, ending=1))
    family.mark("deaf-1")
    async with running(family) as task:
        for _ in range(times):
            family.parent.stop()
        assert await task == 0
    assert family.has("SIGTERM-1")


async def test_what_all_count(family: Family) -> None:
    """One worker is told the sum, also of what a worker counted that is gone."""
    async with running(family):
        assert await family.counted() == {"x_total": 21, "y": 21, "workers": 2}
        await family.kill(1)
        assert await family.counted() == {"x_total": 32, "y": 21, "workers": 2}


async def test_a_worker_that_does_not_say_what_it_counts(tmp_path: Path) -> None:
    """Is not waited for, and the number of those that did is told."""
    family = Family(tmp_path, pace=replace(QUICK, counting=1))
    family.mark("mute-1")
    async with running(family):
        assert await family.counted() == {"x_total": 10, "y": 10, "workers": 1}


async def test_a_worker_that_no_longer_answers(tmp_path: Path) -> None:
    """Is ended, and another takes its place: whoever is connected with it would wait for ever."""
    family = Family(tmp_path, pace=replace(QUICK, looking=0.1, patience=2))
    async with running(family):
        stuck = family.pid(1)
        os.kill(stuck, signal.SIGSTOP)
        await until(lambda: family.pid(1) != stuck)
    killed, replaced = family.reports
    assert killed == "Worker 1 has not answered for 2 seconds, and is killed."
    assert replaced.startswith("Worker 1 ended by SIGKILL; another takes its place")


async def test_what_a_worker_counted_is_asked_now_and_then(tmp_path: Path) -> None:
    """So that little is lost with it, although nobody asked for it."""
    family = Family(tmp_path, pace=replace(QUICK, looking=0.05))
    async with running(family):
        await until(lambda: all(worker.counts for worker in family.parent._workers.values()))
        await family.kill(1)
        assert await family.counted() == {"x_total": 32, "y": 21, "workers": 2}


async def test_workers_end_with_their_parent(family: Family) -> None:
    """However it ended: their line to it does."""
    async with running(family):
        pids = [family.pid(0), family.pid(1)]
        workers = list(family.parent._workers.values())
        for worker in workers:
            worker.line.close()
        await until(lambda: not any(map(is_there, pids)))
