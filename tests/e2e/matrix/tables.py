"""What the matrix found, as tables of Markdown between two marks of a document.

Knows rows, columns and marks. Must not know any client, nor how a cell came about.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

WORKS = "✓"
NEVER = "—"  # what a client is not made for
FAILED = "fails"
NOT_HERE = "not available here"

_BLOCK = r"<!-- {name}: [^>]*-->\n(?P<text>.*?)<!-- end -->"


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that was tried with one client, and in a word what came of it."""

    table: str
    client: str
    version: str
    column: str
    result: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table, a row for each client, whether it is here or not."""

    name: str
    columns: tuple[str, ...]
    clients: tuple[str, ...]

    @property
    def head(self) -> tuple[str, ...]:
        """The first line."""
        return ("client", "version", *self.columns)

    def markdown(self, cells: Iterable[Cell]) -> str:
        """The table as it stands in a document; what was tried and has no cell failed."""
        mine = [cell for cell in cells if cell.table == self.name]
        rows = (self._row(client, mine) for client in self.clients)
        return "".join(map(_line, (self.head, ["---"] * len(self.head), *rows)))

    def _row(self, client: str, cells: Sequence[Cell]) -> Sequence[str]:
        mine = {cell.column: cell for cell in cells if cell.client == client}
        if not mine:
            return (client, NOT_HERE, *([""] * len(self.columns)))
        version = next(iter(mine.values())).version
        results = (mine[name].result if name in mine else FAILED for name in self.columns)
        return (client, version, *results)


@dataclass(frozen=True, slots=True)
class Document:
    """A file with a table in it."""

    file: Path
    table: Table

    def write(self, cells: Iterable[Cell]) -> None:
        """Put the table between the marks."""
        text = self.file.read_text(encoding="utf-8")
        begin, end = self._block(text).span("text")
        written = f"{text[:begin]}{self.table.markdown(cells)}{text[end:]}"
        self.file.write_text(written, encoding="utf-8")

    def objections(self, cells: Iterable[Cell]) -> list[str]:
        """Where the document says something else than what was found here, of the same version."""
        text = self.file.read_text(encoding="utf-8")
        head, _, *rows = map(_parsed, self._block(text)["text"].splitlines())
        if (tuple(head), [row[0] for row in rows]) != (self.table.head, [*self.table.clients]):
            return [f"{self._place} has other columns or clients"]
        written = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
        return [
            f"{self._place} says {said!r} of {cell.client}, {cell.column}; here: {cell.result!r}"
            for cell in cells
            if cell.table == self.table.name
            and written[cell.client]["version"] == cell.version
            and (said := written[cell.client][cell.column]) != cell.result
        ]

    @property
    def _place(self) -> str:
        return f"{self.file.name}, table {self.table.name!r},"

    def _block(self, text: str) -> re.Match[str]:
        found = re.search(_BLOCK.format(name=re.escape(self.table.name)), text, re.DOTALL)
        if found is None:
            raise ValueError(f"expected <!-- {self.table.name}: … --> in {self.file}")
        return found


def summed_up(table: str, of: Sequence[Table], cells: Sequence[Cell]) -> list[Cell]:
    """The cells of a table that has a column for each of the others, where all was tried."""
    return [
        Cell(table, client, mine[0].version, one.name, _sum(mine))
        for one in of
        for client in one.clients
        if len(mine := [c for c in cells if (c.table, c.client) == (one.name, client)])
        == len(one.columns)
    ]


def _sum(cells: Sequence[Cell]) -> str:
    """How much works of what the client is made for."""
    tried = [cell for cell in cells if cell.result != NEVER]
    return f"{sum(cell.result == WORKS for cell in tried)} of {len(tried)}"


def _parsed(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '\\|') for cell in cells)} |\n"
