"""Explanations in tables: what becomes of each entry, and who sees what of one index.

Knows explanations. Must not know where the index came from, nor where the tables are printed.
"""

from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from metahub.cli.table import cell
from metahub.core.judgement import Judged, Judgement
from metahub.core.outcome import Outcome
from metahub.explaining.explanation import Explanation
from metahub.explaining.matrix import Matrix

_STYLES = {Outcome.REWRITTEN: "green", Outcome.UNCHANGED: "", Outcome.REFUSED: "red"}


@dataclass(frozen=True, slots=True)
class Marks:
    """How it is shown that an entry stays or goes, and what stands before a digest."""

    stays: str
    goes: str
    separator: str = " "


IN_WORDS = Marks("stays", "goes")
AT_A_GLANCE = Marks("✓", "–", "\n")  # noqa: RUF001 - a dash as wide as the tick


def entries_as_table(explanation: Explanation) -> Table:
    """Each entry in upstream's order: what it requires, stays or goes, and why."""
    table = _table()
    for heading in ("entry", "platform", "requires", "", "why"):
        table.add_column(heading)
    for entry in explanation.judgement.entries:
        fate = map(cell, ("stays" if entry.stays else "goes", entry.reason))
        table.add_row(*_entry(entry), *fate, style="green" if entry.stays else "dim")
    return table


def matrix_as_table(matrix: Matrix, marks: Marks) -> Table:
    """A row for each entry, a column for each machine type, and what each of them gets."""
    table = _table()
    machine_types = (cell(one.machine_type.name) for one in matrix.explanations)
    for heading in (*map(Text, ("entry", "platform", "requires")), *machine_types):
        table.add_column(heading)
    for entries in matrix.rows():
        table.add_row(*_entry(entries[0]), *(_mark(entry, marks) for entry in entries))
    answers = (_outcome(one.judgement, marks.separator) for one in matrix.explanations)
    table.add_row("answer", "", "", *answers)
    return table


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))


def _mark(entry: Judged, marks: Marks) -> Text:
    """What becomes of one entry for one machine type."""
    return Text(marks.stays, style="green") if entry.stays else Text(marks.goes, style="dim")


def _entry(entry: Judged) -> tuple[Text, ...]:
    return tuple(map(cell, (entry.digest.short, entry.platform or "none", entry.listed)))


def _outcome(judged: Judgement, separator: str) -> Text:
    is_ours = judged.outcome is Outcome.REWRITTEN
    became = f"{separator}{judged.digest.short}" if is_ours and judged.digest else ""
    return Text(f"{judged.outcome}{became}", style=_STYLES[judged.outcome])
