"""`metahub watch`: what a running MetaHub decides, as it happens."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from metahub.cli.configured import Configured
from metahub.cli.decided import draw
from metahub.cli.ending import ending_with
from metahub.config import CONFIG, ConfigError
from metahub.core.decision import Decision
from metahub.core.wanted import Wanted
from metahub.store import KeptDecision, Location, SqlStore, StoreError, parse_location

_SECONDS_BETWEEN_LOOKS = 0.5
_AT_ONCE = 1000


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
        decided = _decided(parse_location(Configured.by(config).store), wanted, last, follow=follow)
        if as_json or not sys.stdout.isatty():
            _print(decided, as_json=as_json)
        else:
            draw(decided, Console())


def _wanted(image: str, client: str, machine_type: str, outcome: str) -> Wanted:
    try:
        return Wanted.parse(image, client, machine_type, outcome)
    except ValueError as error:
        raise typer.BadParameter(f"--outcome: {error}") from error


def _decided(
    location: Location, wanted: Wanted, last: int, *, follow: bool
) -> Iterator[list[Decision]]:
    """The wanted decisions, those of before first, then as they come.

    Raises StoreError, but goes on where the store may yet come.
    """
    newest: KeptDecision | None = None
    most: int | None = last
    told = ""
    while True:
        together = deque[Decision](maxlen=most)
        try:
            for kept in _beyond(location, newest):
                newest = kept
                together.extend([kept.decision] if wanted.takes(kept.decision) else [])
            most, told = None, ""
        except StoreError as error:
            if not follow:
                raise
            told = _told_once(f"{error}; waiting for it", told)
        yield list(together)
        if not follow:
            return
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _told_once(sentence: str, told: str) -> str:
    if sentence != told:
        print(f"metahub: {sentence}", file=sys.stderr, flush=True)
    return sentence


def _beyond(location: Location, newest: KeptDecision | None) -> Iterator[KeptDecision]:
    """What was kept after `newest`; all of a store that was made since then. Raises StoreError."""
    with closing(_opened(location)) as store:
        same = newest is not None and newest in store.decisions(newest.place - 1, 1)
        place = newest.place if newest is not None and same else 0
        while kept := store.decisions(place, _AT_ONCE):
            place = kept[-1].place
            yield from kept


def _opened(location: Location) -> SqlStore:
    try:
        return SqlStore.to_read(location)
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise StoreError(f"{location} is not there: MetaHub makes it when it starts") from error
        raise


def _print(decided: Iterator[list[Decision]], *, as_json: bool) -> None:
    for together in decided:
        for decision in together:
            local = f"{decision.time.astimezone():%H:%M:%S}"
            print(decision.dumped() if as_json else f"{local} {decision.line()}", flush=True)
