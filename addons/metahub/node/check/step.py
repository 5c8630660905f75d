"""One step from nothing to a node that pulls through MetaHub, and how it came out.

Knows outcomes and sentences. Must not know what was tried.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self


class Outcome(StrEnum):
    """How a step came out."""

    WORKS = "works"
    FAILED = "failed"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Step:
    """What was tried and what came back, in a sentence; and what to do about it."""

    name: str
    outcome: Outcome
    sentence: str
    remedy: str | None = None

    @classmethod
    def works(cls, name: str, sentence: str) -> Self:
        """It does what it should."""
        return cls(name, Outcome.WORKS, sentence)

    @classmethod
    def failed(cls, name: str, sentence: str, remedy: str) -> Self:
        """It does not, and what to do about it."""
        return cls(name, Outcome.FAILED, sentence, remedy)

    @classmethod
    def not_tried(cls, name: str, before: str) -> Self:
        """It needs what the step `before` did not give."""
        return cls(name, Outcome.NOT_TRIED, f"Not tried, for it needs the step {before!r} first.")

    def as_json(self) -> dict[str, str | None]:
        """All of it, for scripts."""
        return asdict(self)


def listed(names: Sequence[str]) -> str:
    """`a, b and c`. There is at least one."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
