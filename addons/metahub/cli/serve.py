"""`metahub serve`: the proxy."""

import io
import sys
from collections.abc import Awaitable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.ending import ending_with
from metahub.config import CONFIG, ConfigError, read_config
from metahub.workers.number import MOST_UNASKED, cores, meant, number_asked, obstacles
from metahub.workers.parent import Parent, run_until_stopped
from metahub.workers.place import Place
from metahub.workers.ports import KeptPorts
from metahub.workers.worker import Worker, this_command


def serve(
    config: Annotated[
        Path, typer.Option(help="mitmproxy's options, ours among them.", metavar="FILE")
    ] = CONFIG,
    web: Annotated[bool, typer.Option("--web", help="Run mitmweb, to watch in a browser.")] = False,
    console: Annotated[
        bool, typer.Option("--console", help="Run mitmproxy's console, to watch in a terminal.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="How many processes serve, if not metahub_workers.", metavar="N"),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Set one more option, as config.yaml would.", metavar="NAME=VALUE"
        ),
    ] = None,
) -> None:
    """Serve nodes: they pull through here, and see the builds that fit them."""
    if web and console:
        raise typer.BadParameter("--web and --console exclude each other")
    if (web or console) and (workers or 1) > 1:
        raise typer.BadParameter("--web and --console show one process: leave --workers out")
    _log_at_once()
    place = Place.taken_from()
    with ending_with(ConfigError):
        options, given = read_config(config), assignments or []
        count = 1 if place or web or console else _how_many(meant(options, given), workers)
        if count > 1:
            raise typer.Exit(_serve_with_workers(count, meant(options, given)))
        _serve(web=web, console=console)(options, given, typer.echo, place)


def _serve(*, web: bool, console: bool) -> "partial[None]":
    """Mitmproxy takes half a second to import, which no other command, nor a parent, waits for."""
    from metahub.proxy.launcher import Tool, run  # noqa: PLC0415

    return partial(run, Tool.WEB if web else Tool.CONSOLE if console else Tool.DUMP)


def _how_many(options: Mapping[str, object], asked: int | None) -> int:
    number = number_asked(options, asked)
    why = next(obstacles(options), None)
    if why is None:
        return number or min(cores(), MOST_UNASKED)
    if number > 1:
        typer.echo(f"There is one worker instead of {number}: {why}.", err=True)
    return 1


def _serve_with_workers(count: int, options: Mapping[str, object]) -> int:
    """The exit code."""
    with KeptPorts.of(options) as kept:

        def start(number: int) -> Awaitable[Worker]:
            return Worker.start(number, this_command(), kept.chosen)

        report = partial(typer.echo, err=True)
        return run_until_stopped(Parent(start, count, typer.echo, report))


def _log_at_once() -> None:
    """Let each line out as it is written: mitmproxy's log is held back where nobody watches it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
