"""`metahub check`: whether the rules can be taken, what is doubtful, and what is wrong."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.configured import Configured
from metahub.cli.ending import ending_with
from metahub.cli.rules_read import DIRECTORY, rules_in, show_warnings
from metahub.config import CONFIG, ConfigError
from metahub.node.authority import AuthorityError, NoAuthorityError, doubts_of, read_authority
from metahub.rules import Rules


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
    rules = rules_in(directory)
    typer.echo(f"{directory} is valid: {rules}")
    if rules.warnings:
        show_warnings(rules.warnings, directory)
    with ending_with(AuthorityError, ConfigError):
        _show_doubts(rules, config or directory.absolute().parent / CONFIG, is_meant=bool(config))


def _show_doubts(rules: Rules, config: Path, *, is_meant: bool) -> None:
    """Print on stderr what is doubtful of the CA for these rules; nothing where there is none."""
    if not is_meant and not config.exists():
        return
    places = Configured.by(config)
    with suppress(NoAuthorityError):
        authority, now = read_authority(places.confdir.path), datetime.now(UTC)
        doubts = doubts_of(authority, rules.registries, places.named_hosts, now)
        for doubt in (*places.confdir.doubts(), *doubts):
            typer.echo(f"metahub: {doubt}", err=True)
