"""`metahub check`: whether the rules can be taken, and every mistake if they cannot."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from metahub.rules import Mistake, RulesError, read_rules

DIRECTORY = Path("metahub_rules")


def check(
    directory: Annotated[
        Path, typer.Argument(help="The directory of the rules.", metavar="DIR")
    ] = DIRECTORY,
) -> None:
    """Say what is wrong with the rules, or what they hold. Exits with 1 if anything is wrong."""
    try:
        rules = read_rules(directory)
    except RulesError as error:
        show_mistakes(error, directory)
        raise typer.Exit(1) from error
    typer.echo(f"{directory} is valid: {rules}")


def show_mistakes(error: RulesError, directory: Path) -> None:
    """Print every mistake on stderr, one on a line, and how many there are."""
    console = Console(stderr=True, soft_wrap=True)
    for mistake in error.mistakes:
        console.print(_coloured(mistake))
    number = len(error.mistakes)
    console.print(Text(f"{number} mistake{'' if number == 1 else 's'} in {directory}"))


def _coloured(mistake: Mistake) -> Text:
    line = Text(str(mistake))
    line.stylize("cyan", 0, len(str(mistake.place)))
    line.highlight_words([f"found {mistake.found}"], "red")
    line.highlight_words([f"did you mean {mistake.did_you_mean}?"], "green")
    return line
