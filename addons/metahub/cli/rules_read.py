"""The rules, read for a command, and what is told on stderr of what is wrong with them.

Knows how mistakes and warnings are shown. Must not know what a command does with the rules.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from metahub.rules import MAX_SHOWN, Mistake, Rules, RulesError, RulesWarning, read_rules, untold

DIRECTORY = Path("metahub_rules")


@contextmanager
def mistakes_shown(directory: Path, code: int = 1) -> Iterator[None]:
    """Where rules cannot be taken, every mistake goes to stderr, and the command ends so."""
    try:
        yield
    except RulesError as error:
        _show(error.mistakes, "mistake", directory)
        raise typer.Exit(code) from error


def rules_in(directory: Path, code: int = 1) -> Rules:
    """The rules; or the end of the command, as above."""
    with mistakes_shown(directory, code):
        return read_rules(directory)


def show_warnings(warnings: Sequence[RulesWarning], directory: Path) -> None:
    """Print on stderr what is surely not meant, one on a line, and how much it is."""
    _show(warnings, "warning", directory)


def _show(told: Sequence[Mistake | RulesWarning], word: str, directory: Path) -> None:
    console = Console(stderr=True, soft_wrap=True)
    for one in told[:MAX_SHOWN]:
        console.print(_coloured(one))
    for line in untold(told):
        console.print(Text(line))
    console.print(Text(f"{len(told)} {word}{'' if len(told) == 1 else 's'} in {directory}"))


def _coloured(told: Mistake | RulesWarning) -> Text:
    line = Text(str(told))
    line.stylize("cyan", 0, len(str(told.place)))
    if isinstance(told, Mistake):
        line.highlight_words([f"found {told.found}"], "red")
    line.highlight_words([f"did you mean {told.did_you_mean}?"], "green")
    return line
