"""A table on standard output.

Knows terminals, and what is none. Must not know what is in the table.
"""

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from metahub.core.distribution import one_line

_LONGEST_CELL = 400  # characters: others may have written any number of them
_WITHOUT_EDGE = 1_000_000  # columns, where the output is not a terminal


def cell(text: object) -> Text:
    """What others wrote, without what a terminal would obey."""
    return Text(one_line(str(text), _LONGEST_CELL))


def show_table(table: Table) -> None:
    """Print a table: as wide as a terminal, and uncut where there is none."""
    console = Console()
    if not console.is_terminal:
        typer.echo(_uncut(table))
        return
    without_edge = console.options.update_width(_WITHOUT_EDGE)
    least = Measurement.get(console, without_edge, table).minimum
    # Where it does not fit, the terminal breaks its lines, and no word is broken or cut.
    Console(width=max(console.width, least)).print(table)


def _uncut(table: Table) -> str:
    """The table as plain text, as wide as it has to be."""
    console = Console(width=_WITHOUT_EDGE, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
