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
from metahub.core.judgement import Judged, Judgement
from metahub.core.outcome import Outcome

_STYLES = {Outcome.REWRITTEN: "green", Outcome.UNCHANGED: "", Outcome.REFUSED: "red"}


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
        judgements = [one.judgement for one in self.explanations]
        for entries in zip(*(judged.entries for judged in judgements), strict=True):
            table.add_row(*_entry(entries[0]), *(_mark(entry, marks) for entry in entries))
        answers = (_outcome(judged, marks.separator) for judged in judgements)
        table.add_row("answer", "", "", *answers)
        return table


def _mark(entry: Judged, marks: Marks) -> Text:
    """What becomes of one entry for one machine type."""
    return Text(marks.stays, style="green") if entry.stays else Text(marks.goes, style="dim")


def _entry(entry: Judged) -> tuple[Text, ...]:
    return tuple(map(cell, (entry.digest.short, entry.platform or "none", listed(entry))))


def _outcome(judged: Judgement, separator: str) -> Text:
    is_ours = judged.outcome is Outcome.REWRITTEN
    became = f"{separator}{judged.digest.short}" if is_ours and judged.digest else ""
    return Text(f"{judged.outcome}{became}", style=_STYLES[judged.outcome])
