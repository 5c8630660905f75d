"""Machine types against entries: who sees what of one index.

Knows explanations of the same index. Must not know where the index came from.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from metahub.core.digest import Digest
from metahub.core.judgement import Judged
from metahub.explaining.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Matrix:
    """What one index becomes for each of some machine types. There is at least one."""

    explanations: tuple[Explanation, ...]

    @classmethod
    def of(cls, explanations: Iterable[Explanation]) -> list[Self]:
        """One for each index: a machine type may be answered from the tag of a variant."""
        by_index: defaultdict[Digest, list[Explanation]] = defaultdict(list)
        for one in explanations:
            by_index[one.answer.upstream_digest].append(one)
        return [cls(tuple(group)) for group in by_index.values()]

    def lines(self) -> list[str]:
        """Which index it is, then what a registry said of the tags, and for whom it was asked."""
        askers: defaultdict[str, list[str]] = defaultdict(list)
        for one in self.explanations:
            for tried in one.tags or ():
                askers[str(tried)].append(one.machine_type.name)
        tags = (f"{tried} ({', '.join(names)})" for tried, names in askers.items())
        return [str(self.explanations[0].answer.upstream_digest), *tags]

    def rows(self) -> Iterator[tuple[Judged, ...]]:
        """What becomes of each entry, in upstream's order, for each of the machine types."""
        judged = (one.judgement.entries for one in self.explanations)
        return zip(*judged, strict=True)
