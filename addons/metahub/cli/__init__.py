"""The command line: one file a command."""

import typer

from metahub.cli.ca import ca
from metahub.cli.check import check
from metahub.cli.credentials import credentials
from metahub.cli.demo import demo
from metahub.cli.detect import detect
from metahub.cli.explain import explain
from metahub.cli.serve import serve
from metahub.cli.setup import setup

app = typer.Typer(
    name="metahub",
    help="Container images chosen by machine type, in a proxy that nobody has to know of.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (serve, check, explain, detect, setup, demo):
    app.command()(command)
for group in (ca, credentials):
    app.add_typer(group)


def main() -> None:
    """The console script `metahub`."""
    app()
