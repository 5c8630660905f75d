"""Memory that is given back, and when."""

import gc
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mitmproxy import ctx
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.test import taddons, tflow

from metahub.proxy.bounds.memory import Memory, release

MEBIBYTE = 1024 * 1024


class Clock:
    """Does things when a test says that their time has come."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []
        self.released = 0

    def later(self, seconds: float, then: Callable[[], None]) -> None:
        assert seconds == 10
        self.due.append(then)

    def release(self) -> None:
        self.released += 1

    def strike(self) -> None:
        due, self.due = self.due, []
        for then in due:
            then()


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Beside the addon of mitmproxy that has the connections."""
    with taddons.context(Proxyserver()):
        yield Clock()


def close(memory: Memory, number: int) -> None:
    """Have so many connections end."""
    for _ in range(number):
        memory.client_disconnected(tflow.tclient_conn())


def test_it_is_given_back_after_many_connections(clock: Clock) -> None:
    """Once for all that were closed since, and not for few."""
    memory = Memory(clock.release, clock.later)
    close(memory, 499)
    assert not clock.due
    close(memory, 1000)
    assert len(clock.due) == 1
    clock.strike()
    assert clock.released == 1
    close(memory, 499)
    assert not clock.due
    close(memory, 1)
    assert len(clock.due) == 1


def test_where_many_are_open_it_takes_more(clock: Clock) -> None:
    """All that is in use is looked at, too."""
    ctx.master.addons.get("proxyserver").connections.update(dict.fromkeys(map(str, range(900))))
    memory = Memory(clock.release, clock.later)
    close(memory, 899)
    assert not clock.due
    close(memory, 1)
    assert len(clock.due) == 1


def test_what_nobody_has_is_given_back() -> None:
    """Also where it refers to itself, and lies between what somebody has."""
    gc.disable()
    try:
        kept = [_circle() for _ in range(40_000)][::100]
        full = resident()
        release()
        assert full - resident() > 50 * MEBIBYTE
    finally:
        gc.enable()
    assert kept


def _circle() -> list[object]:
    circle: list[object] = [bytes(2000)]
    circle.append(circle)
    return circle


def resident() -> int:
    """The memory of this process, in bytes."""
    (found,) = re.findall(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found) * 1024
