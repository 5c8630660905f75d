"""What is remembered for some seconds, on a clock of the test's own."""

import pytest

from metahub.proxy import short_memory
from metahub.proxy.short_memory import ShortMemory


def test_it_is_forgotten_in_time() -> None:
    """A tag that is pushed now is found a minute later."""
    now = [100.0]
    memory = ShortMemory[str](60, lambda: now[0])
    assert not memory.remembers("a")
    memory.remember("a")
    now[0] += 59.9
    assert memory.remembers("a")
    now[0] += 0.1
    assert not memory.remembers("a")


def test_it_can_be_told_again() -> None:
    """The time counts from the last time."""
    now = [0.0]
    memory = ShortMemory[str](60, lambda: now[0])
    memory.remember("a")
    now[0] = 50
    memory.remember("a")
    now[0] = 100
    assert memory.remembers("a")


def test_no_seconds_are_no_memory() -> None:
    """How an operator turns it off."""
    memory = ShortMemory[str](0)
    memory.remember("a")
    assert not memory.remembers("a")


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten first."""
    monkeypatch.setattr(short_memory, "_MOST_REMEMBERED", 2)
    memory = ShortMemory[str](60)
    for key in "aabc":
        memory.remember(key)
    assert [key for key in "abc" if memory.remembers(key)] == ["b", "c"]
