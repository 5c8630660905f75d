"""`metahub check`: whether the rules can be taken, what is doubtful, and what is wrong."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from metahub.cli.places import CONFIG, PlacesError, read_places
from metahub.node.authority import AuthorityError, NoAuthorityError, read_authority
from metahub.node.authority_doubts import doubts_of
from metahub.rules import MAX_SHOWN, Mistake, Rules, RulesError, RulesWarning, read_rules, untold

DIRECTORY = Path("metahub_rules")


def check(
    directory: Annotated[
        Path, typer.Argument(help="The directory of the rules.", metavar="DIR")
    ] = DIRECTORY,
    config: Annotated[
        Path | None,
        typer.Option(
            help="mitmproxy's options, which say where the CA is; if not config.yaml beside DIR.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say what is wrong with the rules, or what they hold and what of it is doubtful.

    Also whether the CA, where there is one, may sign for their registries.

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
    try:
        _show_doubts(rules, config or directory.absolute().parent / CONFIG, is_meant=bool(config))
    except (AuthorityError, PlacesError) as error:
        typer.echo(f"metahub: {error}", err=True)
        raise typer.Exit(1) from error


def show_mistakes(error: RulesError, directory: Path) -> None:
    """Print the mistakes on stderr, one on a line, and how many there are."""
    _show(error.mistakes, "mistake", directory)


def _show_doubts(rules: Rules, config: Path, *, is_meant: bool) -> None:
    """Print on stderr what is doubtful of the CA for these rules; nothing where there is none."""
    if not is_meant and not config.exists():
        return
    places = read_places(config)
    with suppress(NoAuthorityError):
        authority, now = read_authority(places.confdir.path), datetime.now(UTC)
        doubts = doubts_of(authority, rules.registries, places.named_hosts, now)
        for doubt in (*places.confdir.doubts(), *doubts):
            typer.echo(f"metahub: {doubt}", err=True)


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
