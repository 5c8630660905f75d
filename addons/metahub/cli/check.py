"""`metahub check`: whether the rules can be taken, what is doubtful, and what is wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from metahub.rules import MAX_SHOWN, Mistake, RulesError, RulesWarning, read_rules, untold

DIRECTORY = Path("metahub_rules")


def check(
    directory: Annotated[
        Path, typer.Argument(help="The directory of the rules.", metavar="DIR")
    ] = DIRECTORY,
) -> None:
    """Say what is wrong with the rules, or what they hold and what of it is doubtful.

    Exits with 1 if anything is wrong.
    """
    try:
        rules = read_rules(directory)
    except RulesError as error:
        show_mistakes(error, directory)
        raise typer.Exit(1) from error
    typer.echo(f"{directory} is valid: {rules}")
    if rules.warnings:
        _show(rules.warnings, "warning", directory)


def show_mistakes(error: RulesError, directory: Path) -> None:
    """Print the mistakes on stderr, one on a line, and how many there are."""
    _show(error.mistakes, "mistake", directory)


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
