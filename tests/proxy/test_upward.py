"""A worker's line to its parent, with the test for a parent."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from mitmproxy.test import taddons

from metahub.proxy.options import Options
from metahub.proxy.upward import Upward
from metahub.workers.counts import Across, Family
from metahub.workers.line import Line, Message
from metahub.workers.place import Place

FAMILY = Family("x", "counter", "X.", Across.SUM, {("x_total", ()): 3.0})


@dataclass
class Ends:
    """Both ends of the line, and the tool that the worker is in."""

    upward: Upward
    line: Line
    tool: taddons.context

    async def heard(self) -> Message:
        """What the worker says next."""
        async with asyncio.timeout(5):
            return await anext(self.line.messages())


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    """A worker that listens to its parent."""
    ours, theirs = socket.socketpair()
    upward = Upward(Place(0, theirs.detach(), None), lambda: [FAMILY])
    with taddons.context(Options()) as tool:
        await upward.running()
        line = await Line.over(ours)
        yield Ends(upward, line, tool)
        line.close()
        upward.done()
        await asyncio.sleep(0)


async def test_it_says_that_it_listens(ends: Ends) -> None:
    """With the words for people, and how long it may take to end."""
    ends.upward.greet("Here I am.")
    assert await ends.heard() == {"listening": "Here I am.", "stop_seconds": 30}


async def test_it_says_what_it_counted(ends: Ends) -> None:
    """To a question, by the number of the question."""
    ends.line.say({"count": 7})
    said = await ends.heard()
    assert (said["counted"], list(map(Family.of, said["counts"]))) == (7, [FAMILY])


async def test_it_asks_what_all_count(ends: Ends) -> None:
    """And takes the answer to its own question only."""
    asking = asyncio.create_task(ends.upward.of_all())
    question = (await ends.heard())["asked"]
    ends.line.say({"answered": question + 1, "counts": [], "workers": 9})
    ends.line.say({"answered": question, "counts": [FAMILY.message()], "workers": 2})
    found = await asking
    assert found is not None
    assert (found.counts, found.workers) == ((FAMILY,), 2)


async def test_a_parent_that_does_not_answer(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not waited for."""
    monkeypatch.setattr("metahub.proxy.upward._SECONDS_FOR_THE_PARENT", 0.01)
    assert await ends.upward.of_all() is None


async def test_a_worker_without_a_line_yet() -> None:
    """Has nobody to ask, and nobody to tell."""
    upward = Upward(Place(0, 7, None), lambda: [FAMILY])
    upward.greet("Here I am.")
    upward.done()
    assert await upward.of_all() is None


async def test_it_ends_with_its_parent(ends: Ends) -> None:
    """Nobody would be left to replace it, or to tell it to stop."""
    ends.line.close()
    async with asyncio.timeout(5):
        await ends.tool.master.should_exit.wait()
