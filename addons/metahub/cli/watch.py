"""`metahub watch`: what a running MetaHub decides, as it happens."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from metahub.cli.configured import Configured
from metahub.cli.decided import as_table
from metahub.cli.ending import ending_with
from metahub.config import CONFIG, ConfigError
from metahub.core.decision import Decision
from metahub.core.wanted import Wanted
from metahub.store import SqlStore, StoreError

_SECONDS_BETWEEN_LOOKS = 0.5
_AT_ONCE = 1000
_ROWS_FOR_THE_HEADING = 2


def watch(
    image: Annotated[
        str, typer.Option(help="Of images whose name has this in it, or is it, with *.")
    ] = "",
    client: Annotated[str, typer.Option(help="Of a user, an address or a network.")] = "",
    machine_type: Annotated[
        str, typer.Option("--type", help="Of a machine type.", metavar="TYPE")
    ] = "",
    outcome: Annotated[
        str, typer.Option(help="Of an outcome, or of all that begin so: passed.")
    ] = "",
    last: Annotated[
        int, typer.Option(help="How many decisions of before to show first.", min=0)
    ] = 20,
    follow: Annotated[bool, typer.Option(help="Go on, until Ctrl-C.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one in a line.")] = False,
    config: Annotated[
        Path, typer.Option(help="mitmproxy's options, which say where the store is.")
    ] = CONFIG,
) -> None:
    """Show what the proxy decides, as it happens: who asked for what, what they got, and why.

    All instances that share the store are shown.
    """
    wanted = _wanted(image, client, machine_type, outcome)
    with ending_with(ConfigError, StoreError), suppress(KeyboardInterrupt):
        decided = _decided(Configured.by(config).store, wanted, last, follow=follow)
        if as_json or not sys.stdout.isatty():
            _print(decided, as_json=as_json)
        else:
            _draw(decided)


def _wanted(image: str, client: str, machine_type: str, outcome: str) -> Wanted:
    try:
        return Wanted.parse(image, client, machine_type, outcome)
    except ValueError as error:
        raise typer.BadParameter(f"--outcome: {error}") from error


def _decided(path: Path, wanted: Wanted, last: int, *, follow: bool) -> Iterator[list[Decision]]:
    """The wanted decisions, those of before first, then as they come. Raises StoreError."""
    place, before = 0, deque[Decision](maxlen=last)
    store = SqlStore.to_read(path)
    try:
        while kept := store.decisions(place, _AT_ONCE):
            place = kept[-1].place
            before.extend(one.decision for one in kept if wanted.takes(one.decision))
        yield list(before)
        while follow:
            kept = store.decisions(place, _AT_ONCE)
            place = kept[-1].place if kept else place
            yield [one.decision for one in kept if wanted.takes(one.decision)]
            if len(kept) < _AT_ONCE:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        store.close()


def _print(decided: Iterator[list[Decision]], *, as_json: bool) -> None:
    for together in decided:
        for decision in together:
            local = f"{decision.time.astimezone():%H:%M:%S}"
            print(decision.dumped() if as_json else f"{local} {decision.line()}", flush=True)


def _draw(decided: Iterator[list[Decision]]) -> None:
    """A table of the newest, as high as the terminal."""
    console = Console()
    shown = deque[Decision](maxlen=_AT_ONCE)
    with Live(console=console, auto_refresh=False) as live:
        for together in decided:
            shown.extend(together)
            rows = max(1, console.height - _ROWS_FOR_THE_HEADING)
            live.update(as_table(list(shown)[-rows:]), refresh=True)
