"""`metahub setup --check`: what works of a node's way through MetaHub, and what to do else."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from metahub.core.registry import Registry
from metahub.node.check import Checked, Node, Outcome, Root, Step, Wanted, check, runtime_of

PASSWORD = "METAHUB_PASSWORD"

_SLASH = Path("/")
_STYLES = {Outcome.WORKS: "green", Outcome.FAILED: "red", Outcome.NOT_TRIED: "dim"}
_MARKS = {Outcome.WORKS: "✓", Outcome.FAILED: "✗", Outcome.NOT_TRIED: "–"}  # noqa: RUF001 - as wide
_IN_ASCII = {Outcome.WORKS: "ok", Outcome.FAILED: "FAILED", Outcome.NOT_TRIED: "-"}


def show_check(
    runtime: str | None,
    proxy: str | None,
    registry: str | None,
    root: Path,
    *,
    as_json: bool,
) -> bool:
    """Check this node, or one whose files lie elsewhere, and print it; whether all works."""
    programs = os.environ.get("PATH", "") if root == _SLASH else ""
    node = Node(Root(root), os.environ, programs)
    try:
        meant = Registry.parse(registry) if registry else None
        wanted = Wanted(runtime_of(runtime, node), proxy, os.environ.get(PASSWORD), meant)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    checked = check(node, wanted)
    if as_json:
        typer.echo(json.dumps(checked.as_json(), indent=2))
    else:
        _show(checked)
    return checked.works


def _show(checked: Checked) -> None:
    console = Console()
    is_drawn = console.encoding.startswith("utf")
    looks = _Looks(_MARKS if is_drawn else _IN_ASCII, "→" if is_drawn else "->")
    if console.is_terminal:
        console.print(looks.table(checked), Text(_summary(checked)), sep="\n")
        return
    typer.echo("\n".join([*looks.lines(checked), _summary(checked)]))


@dataclass(frozen=True, slots=True)
class _Looks:
    marks: dict[Outcome, str]
    arrow: str

    def table(self, checked: Checked) -> Table:
        """A row for each step, and one below it for its remedy."""
        # A fingerprint is longer than many a line, and is not cut.
        table = Table.grid("", "", Column(overflow="fold"), padding=(0, 2, 0, 0))
        for step in checked.steps:
            style = _STYLES[step.outcome]
            mark = Text(self.marks[step.outcome], style=style)
            dim = style if step.outcome is Outcome.NOT_TRIED else ""
            table.add_row(mark, Text(step.name, style=dim), Text(step.sentence, style=dim))
            if step.remedy:
                table.add_row("", "", Text(f"{self.arrow} {step.remedy}", style="bold"))
        return table

    def lines(self, checked: Checked) -> Iterator[str]:
        """The same without a terminal, where no line is broken."""
        for step in checked.steps:
            yield self._line(step)
            if step.remedy:
                yield f"    {self.arrow} {step.remedy}"

    def _line(self, step: Step) -> str:
        width = max(map(len, self.marks.values()))
        return f"{self.marks[step.outcome]:{width}} {step.name:12} {step.sentence}"


def _summary(checked: Checked) -> str:
    total = len(checked.steps)
    if checked.works:
        return f"{checked.runtime}: all {total} steps work."
    return f"{checked.runtime}: {checked.count} of {total} steps work."
