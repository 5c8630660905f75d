"""What a proxy in this process holds: tasks of its event loop, and open files of the process.

Knows asyncio and /proc. Must not know what they are for.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.proxy.running import ProxyInThread
from tests.proxy.test_presence import soon

_FILES = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class Held:
    """How many there are of each."""

    tasks: int
    files: int

    @classmethod
    def by(cls, proxy: ProxyInThread) -> "Held":
        """At this moment."""
        return cls(len(_tasks(proxy)), len(list(_FILES.iterdir())))

    def is_within(self, other: "Held", slack: int) -> bool:
        """True if there are not many more than there."""
        return self.tasks <= other.tasks + slack and self.files <= other.files + slack


@contextmanager
def nothing_more_held(proxy: ProxyInThread, slack: int) -> Iterator[None]:
    """What is held afterwards is no more than before; but for a few connections that wait.

    Whoever does something more often than `slack` learns whether each time leaves anything.
    """
    before = Held.by(proxy)
    yield
    assert soon(lambda: Held.by(proxy).is_within(before, slack)), (before, Held.by(proxy))


def _tasks(proxy: ProxyInThread) -> set[asyncio.Task[object]]:
    master = proxy._master
    assert master is not None

    async def all_tasks() -> set[asyncio.Task[object]]:
        return asyncio.all_tasks()

    return asyncio.run_coroutine_threadsafe(all_tasks(), master.event_loop).result(20)
