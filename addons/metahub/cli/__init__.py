"""The command line: one file a command, which is imported when somebody wants the command."""

import typer

from metahub.cli.commands import COMMANDS, Commands, only_named

app = typer.Typer(
    name="metahub",
    cls=Commands,
    help="Container images chosen by machine type, in a proxy that nobody has to know of.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name, line in COMMANDS.items():
    app.command(name, help=line)(only_named)


def main() -> None:
    """The console script `metahub`."""
    app()
