"""The command line: one file a command."""

import typer

from metahub.cli.serve import serve

app = typer.Typer(
    name="metahub",
    help="Container images chosen by machine type, in a proxy that nobody has to know of.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)


def main() -> None:
    """The console script `metahub`."""
    app()
