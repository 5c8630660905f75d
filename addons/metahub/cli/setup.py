"""`metahub setup`: the script that points a runtime of a node at the proxy, and whether it worked.

Knows the words of the command. Must not know what is in a script, nor how a node is checked.
"""

from pathlib import Path
from typing import Annotated

import typer

from metahub.config import CONFIG
from metahub.node.setup import RUNTIMES


def setup(
    runtime: Annotated[
        str | None,
        typer.Argument(
            help="What pulls images on the node, as docker. Without it all that there are; with"
            " --check the first that is on this node.",
            metavar="RUNTIME",
            show_default=False,
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            help="Where nodes reach the proxy. With --check: the way to try, whatever the runtime"
            " is told; its password may be in METAHUB_PASSWORD.",
            metavar="http://HOST:PORT",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path, typer.Option(help="The proxy's options: its CA, its rules, its port.", metavar="FILE")
    ] = CONFIG,
    check: Annotated[
        bool, typer.Option("--check", help="On a node: say which steps of its set-up work.")
    ] = False,
    registry: Annotated[
        str | None,
        typer.Option(help="Check the way to this one.", metavar="NAME", show_default=False),
    ] = None,
    root: Annotated[
        Path, typer.Option(help="Check the node whose files are mounted here.", metavar="DIR")
    ] = Path("/"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was checked as JSON, for scripts.")
    ] = False,
) -> None:
    """Print the script that lets a runtime of a node pull through the proxy and trust its CA.

    It is what the proxy itself serves: `metahub setup docker | ssh NODE sudo sh -s -- --user NAME`.
    With --check, say on the node which of the steps up to a pull work, and what to do about the
    others; exits with 1 unless all do.
    """
    if check:
        # What checks a node, and what makes a script, each import what the other does not need.
        from metahub.cli.setup_check import show_check  # noqa: PLC0415

        if not show_check(runtime, proxy, registry, root, as_json=as_json):
            raise typer.Exit(1)
        return
    if runtime is None:
        for name, known in RUNTIMES.items():
            typer.echo(f"{name:11} {known.title}: {known.description}")
        return
    if runtime not in RUNTIMES:
        raise typer.BadParameter(f"expected one of {', '.join(RUNTIMES)}, found {runtime!r}")
    from metahub.cli.setup_script import script_of  # noqa: PLC0415

    typer.echo(script_of(runtime, proxy, config), nl=False)
