"""How many requests to upstream one answer costs.

Knows which answer is being made, by the task that makes it. Must not know what is asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """What was asked so far."""

    requests: int = 0


_TALLY: ContextVar[Tally | None] = ContextVar("tally", default=None)


@contextmanager
def tallied() -> Iterator[Tally]:
    """Count what is asked inside, also by tasks that are begun there."""
    tally = Tally()
    token = _TALLY.set(tally)
    try:
        yield tally
    finally:
        _TALLY.reset(token)


def count_request() -> None:
    """One more request to upstream; nobody has to be counting."""
    tally = _TALLY.get()
    if tally is not None:
        tally.requests += 1
