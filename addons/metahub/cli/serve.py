"""`metahub serve`: the proxy."""

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.ending import ending_with
from metahub.config import CONFIG, ConfigError, read_config


def serve(
    config: Annotated[
        Path, typer.Option(help="mitmproxy's options, ours among them.", metavar="FILE")
    ] = CONFIG,
    web: Annotated[bool, typer.Option("--web", help="Run mitmweb, to watch in a browser.")] = False,
    console: Annotated[
        bool, typer.Option("--console", help="Run mitmproxy's console, to watch in a terminal.")
    ] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Set one more option, as config.yaml would.", metavar="NAME=VALUE"
        ),
    ] = None,
) -> None:
    """Serve nodes: they pull through here, and see the builds that fit them."""
    # mitmproxy takes half a second to import, which no other command has to wait for.
    from metahub.proxy.launcher import Tool, run  # noqa: PLC0415

    if web and console:
        raise typer.BadParameter("--web and --console exclude each other")
    tool = Tool.WEB if web else Tool.CONSOLE if console else Tool.DUMP
    _log_at_once()
    with ending_with(ConfigError):
        run(tool, read_config(config), assignments or [], typer.echo)


def _log_at_once() -> None:
    """Let each line out as it is written: mitmproxy's log is held back where nobody watches it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
