"""Machine types against entries: who sees what of one index.

Knows explanations of the same index. Must not know where the index came from.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from rich.table import Table
from rich.text import Text

from metahub.cli.explanation import Explanation, cell, listed
from metahub.core.digest import Digest
from metahub.core.selection import Verdict

_STYLES = {"rewritten": "green", "unchanged": "", "refused": "red"}


@dataclass(frozen=True, slots=True)
class Marks:
    """How it is shown that an entry stays or goes, and what stands before a digest."""

    stays: str
    goes: str
    separator: str = " "


IN_WORDS = Marks("stays", "goes")
AT_A_GLANCE = Marks("✓", "–", "\n")  # noqa: RUF001 - a dash as wide as the tick


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

    def as_table(self, marks: Marks) -> Table:
        """A row for each entry, a column for each machine type, and what each of them gets."""
        machine_types = (cell(one.machine_type.name) for one in self.explanations)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in (*map(Text, ("entry", "platform", "requires")), *machine_types):
            table.add_column(heading)
        for position, verdict in enumerate(self.explanations[0].answer.selection.verdicts):
            table.add_row(*_entry(verdict), *self._marks(position, marks))
        answers = (_outcome(one, marks.separator) for one in self.explanations)
        table.add_row("answer", "", "", *answers)
        return table

    def _marks(self, position: int, marks: Marks) -> list[Text]:
        """What becomes of one entry: it has its place in the index, whoever asks."""
        return [
            Text(marks.stays, style="green")
            if one.stays(one.answer.selection.verdicts[position])
            else Text(marks.goes, style="dim")
            for one in self.explanations
        ]


def _entry(verdict: Verdict) -> tuple[Text, ...]:
    entry = verdict.entry
    return tuple(map(cell, (entry.digest.short, entry.platform or "none", listed(verdict))))


def _outcome(explanation: Explanation, separator: str) -> Text:
    result, digest = explanation.result, explanation.digest
    became = f"{separator}{digest.short}" if digest and result == "rewritten" else ""
    return Text(f"{result}{became}", style=_STYLES[result])
