"""`metahub check`: whether the rules can be taken, what is doubtful, and what is wrong."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.configured import Configured
from metahub.cli.ending import ending_with
from metahub.cli.replayed import CHANGES, UNREADABLE, Shown, UnchangedToo
from metahub.cli.rules_read import DIRECTORY, rules_in, show_warnings
from metahub.config import ConfigError
from metahub.explaining.recorded import RecordingError
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
    against: Annotated[
        Path | None,
        typer.Option(
            help="Decisions, as `metahub serve` logs them in JSON, or `metahub watch --json`: show"
            " which would come out otherwise by these rules; - is stdin.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    unchanged_too: UnchangedToo = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what --against finds as JSON, for scripts.")
    ] = False,
) -> None:
    """Say what is wrong with the rules, or what they hold and what of it is doubtful.

    Also whether the CA, where there is one, may sign for their registries.

    Exits with 1 if anything is wrong, or if something would come out otherwise; with 2 if FILE
    cannot be read.
    """
    if against is None and (as_json or unchanged_too):
        raise typer.BadParameter("--json and --all go with --against")
    rules = rules_in(directory)
    if not as_json:
        typer.echo(f"{directory} is valid: {rules}")
    if rules.warnings:
        show_warnings(rules.warnings, directory)
    with ending_with(AuthorityError, ConfigError):
        configured = Configured.beside(directory, config)
        if configured is not None:
            _show_doubts(rules, configured)
    if against is not None:
        shown = _compared(against, rules, configured)
        shown.print(as_json=as_json, unchanged_too=unchanged_too)
        raise typer.Exit(CHANGES if shown.comparison.changed else 0)


def _compared(file: Path, rules: Rules, configured: Configured | None) -> Shown:
    # The store takes a quarter of a second to import.
    from metahub.cli.against import compared_with_log  # noqa: PLC0415
    from metahub.store import StoreError  # noqa: PLC0415

    with ending_with(RecordingError, StoreError, code=UNREADABLE):
        return compared_with_log(file, rules, configured)


def _show_doubts(rules: Rules, places: Configured) -> None:
    """Print on stderr what is doubtful of the CA for these rules; nothing where there is none."""
    with suppress(NoAuthorityError):
        authority, now = read_authority(places.confdir.path), datetime.now(UTC)
        doubts = doubts_of(authority, rules.registries, places.named_hosts, now)
        for doubt in (*places.confdir.doubts(), *doubts):
            typer.echo(f"metahub: {doubt}", err=True)
