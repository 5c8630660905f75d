"""What the matrix found, as tables of Markdown between two marks of a document.

Knows rows, columns and marks. Must not know any client, nor how a cell came about.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NOT_HERE = "not available here"
FAILED = "fails"

_BLOCK = r"(?P<begin><!-- {name}: [^>]*-->\n)(?P<text>.*?)(?P<end><!-- end -->)"


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

    def rows(self, cells: Iterable[Cell]) -> dict[str, str]:
        """The row of each client; what failed has no cell."""
        mine = [cell for cell in cells if cell.table == self.name]
        return {client: self._row(client, mine) for client in self.clients}

    def markdown(self, rows: Mapping[str, str]) -> str:
        """The table as it stands in a document."""
        head = _line(("client", "version", *self.columns))
        rule = _line(("---",) * (2 + len(self.columns)))
        return "".join((head, rule, *(rows[client] for client in self.clients)))

    def _row(self, client: str, cells: Sequence[Cell]) -> str:
        mine = {cell.column: cell for cell in cells if cell.client == client}
        if not mine:
            return _line((client, NOT_HERE, *([""] * len(self.columns))))
        version = next(iter(mine.values())).version
        results = (mine[name].result if name in mine else FAILED for name in self.columns)
        return _line((client, version, *results))


@dataclass(frozen=True, slots=True)
class Document:
    """A file with a table in it."""

    file: Path
    table: Table

    def write(self, rows: Mapping[str, str]) -> None:
        """Put the table between the marks."""
        text = self.file.read_text(encoding="utf-8")
        found = self._block(text)
        table = self.table.markdown(rows)
        written = f"{text[: found.start('text')]}{table}{text[found.end('text') :]}"
        self.file.write_text(written, encoding="utf-8")

    def objections(self, rows: Mapping[str, str]) -> list[str]:
        """Where the document says something else of a client and version that were tried here.

        What was not tried, and what the document has of another version, is nobody's word.
        """
        written = self._block(self.file.read_text(encoding="utf-8"))["text"].splitlines(True)
        head, *_ = self.table.markdown(rows).splitlines(True)
        wrong = [] if written[:1] == [head] else [f"{self._place} has other columns"]
        for client, row in rows.items():
            there = next((line for line in written if _cells(line)[:1] == [client]), None)
            if there is None:
                wrong.append(f"{self._place} has no row of {client}")
            elif there != row and _cells(there)[1] == _cells(row)[1]:
                wrong.append(
                    f"{self._place} says {there.strip()}, and what came out is {row.strip()}"
                )
        return wrong

    @property
    def _place(self) -> str:
        return f"{self.file.name}, table {self.table.name!r},"

    def _block(self, text: str) -> re.Match[str]:
        found = re.search(_BLOCK.format(name=re.escape(self.table.name)), text, re.DOTALL)
        if found is None:
            raise ValueError(f"expected <!-- {self.table.name}: … --> in {self.file}")
        return found


def _cells(line: str) -> list[str]:
    return [cell.strip("| \n") for cell in line.split(" | ")]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
