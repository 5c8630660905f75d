"""Figures, and the table of them.

Knows numbers and columns. Must not know how they were measured.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

type Figures = Mapping[str, float]
"""A figure for each way, by its name; NaN where there is none."""

NONE = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: what was measured, in which unit, and what came out."""

    what: str
    unit: str
    figures: Figures
    is_compared: bool = True
    """False where there is nothing like it without a proxy."""

    def cells(self, columns: Sequence[str]) -> Iterator[str]:
        """A cell for each of the columns, of which the first is what the others compare with."""
        first, *others = (self.figures.get(name, math.nan) for name in columns)
        yield shown(first)
        for figure in others:
            times = figure / first if self.is_compared and first else math.nan
            yield shown(figure) + ("" if math.isnan(times) else f" (x{shown(times)})")


def shown(figure: float) -> str:
    """With as many digits as mean something."""
    if math.isnan(figure):
        return NONE
    return f"{figure:,.{0 if figure >= 100 else 1 if figure >= 10 else 2}f}"


def on_screen(rows: Iterable[Row], columns: Mapping[str, str], caption: str) -> Table:
    """For a terminal; the columns with their heads."""
    table = Table("", "", caption=caption, box=box.SIMPLE_HEAD)
    for head in columns.values():
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(row.what, row.unit, *row.cells(tuple(columns)))
    return table


def in_markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """For a document: all columns but the first are numbers."""
    rule = ["---", *("---:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *lines))
