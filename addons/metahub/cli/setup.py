"""`metahub setup`: what has to be done on a node, and whether it is."""

from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.setup_check import show_check


def setup(
    runtime: Annotated[
        str | None,
        typer.Argument(
            help="What pulls images on this node, as docker; without it the first that is there.",
            metavar="RUNTIME",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say which steps of a node's set-up work.")
    ] = False,
    proxy: Annotated[
        str | None,
        typer.Option(
            help="Check the way over this proxy, whatever the runtime is told. Its password may be"
            " in METAHUB_PASSWORD.",
            metavar="URL",
        ),
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option(help="Check the way to this one.", metavar="NAME", show_default=False),
    ] = None,
    root: Annotated[
        Path, typer.Option(help="Where the files of the node are mounted.", metavar="DIR")
    ] = Path("/"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Say what works of this node's way through MetaHub, and what to do about the rest."""
    if not check:
        raise typer.BadParameter("expected --check")
    if not show_check(runtime, proxy, registry, root, as_json=as_json):
        raise typer.Exit(1)
