"""What workers count, added up.

Knows how the values of several workers become one. Must not know what any of them is of.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self


class Across(StrEnum):
    """How one value comes of those of all workers. NaN says nothing."""

    SUM = "sum"
    """Each worker has its part."""
    MOST = "most"
    """All have the same, but for the moment at which they came to it."""
    LEAST = "least"
    """The worker that is worst off."""


_OF_SEVERAL: Mapping[Across, Callable[[Sequence[float]], float]] = {
    Across.SUM: math.fsum,
    Across.MOST: max,
    Across.LEAST: min,
}

# Of a worker that is gone, what it counted stays; what it measured does not.
_STAYS = ("counter", "histogram")

type Series = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a sample, and its labels."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its series, as one worker has it, or all of them."""

    name: str
    kind: str
    help: str
    across: Across
    samples: Mapping[Series, float]

    def message(self) -> dict[str, Any]:
        """For the line between workers and their parent."""
        samples = [[*series, value] for series, value in self.samples.items()]
        row = {"name": self.name, "kind": self.kind, "help": self.help, "across": self.across}
        return row | {"samples": samples}

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """As it was sent."""
        samples = {
            (name, tuple((label, text) for label, text in labels)): value
            for name, labels, value in message["samples"]
        }
        across = Across(message["across"])
        return cls(message["name"], message["kind"], message["help"], across, samples)

    def and_those(self, others: Iterable[Self]) -> Self:
        """All together."""
        values: dict[Series, list[float]] = {}
        for family in (self, *others):
            for series, value in family.samples.items():
                values.setdefault(series, []).append(value)
        return replace(self, samples={each: self._one(found) for each, found in values.items()})

    def _one(self, values: Sequence[float]) -> float:
        told = [value for value in values if not math.isnan(value)]
        return _OF_SEVERAL[self.across](told) if told else math.nan


def together(counts: Iterable[Iterable[Family]]) -> tuple[Family, ...]:
    """What some workers count, as if they were one, in the order of the first."""
    families: dict[str, list[Family]] = {}
    for worker in counts:
        for family in worker:
            families.setdefault(family.name, []).append(family)
    return tuple(first.and_those(others) for first, *others in families.values())


def left_by(counts: Iterable[Family]) -> tuple[Family, ...]:
    """What stays of a worker that is gone, so that no total goes backwards."""
    return tuple(family for family in counts if family.kind in _STAYS)
