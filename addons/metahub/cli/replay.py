"""`metahub replay`: what was recorded once, by the rules of today."""

from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.configured import Configured
from metahub.cli.ending import ending_with
from metahub.cli.recording_file import opened
from metahub.cli.replayed import CHANGES, UNREADABLE, Comparison, Shown, UnchangedToo
from metahub.cli.rules_read import DIRECTORY, rules_in
from metahub.config import ConfigError
from metahub.explaining.recorded import RecordingError


def replay(
    file: Annotated[
        Path,
        typer.Argument(
            help="Flows in mitmproxy's own format, recorded with MetaHub or without; - is stdin.",
            metavar="FILE",
        ),
    ],
    directory: Annotated[
        Path, typer.Option("--rules", help="The directory of the rules.", metavar="DIR")
    ] = DIRECTORY,
    config: Annotated[
        Path | None,
        typer.Option(
            help="mitmproxy's options, which say where the store is and which programs are exempt;"
            " if not config.yaml beside DIR.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    unchanged_too: UnchangedToo = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Show which recorded requests would be answered otherwise by the rules of today, and why.

    Exits with 0 if none would, with 1 if some would, and with 2 if nothing could be compared.
    """
    # Neither mitmproxy nor the store is imported before somebody wants them.
    from metahub.cli.known_indexes import FirstKnown, in_store_at  # noqa: PLC0415
    from metahub.explaining.replaying import Replay  # noqa: PLC0415
    from metahub.proxy.recorded import read_recording  # noqa: PLC0415
    from metahub.store import StoreError  # noqa: PLC0415

    rules = rules_in(directory, code=UNREADABLE)
    with ending_with(ConfigError, RecordingError, StoreError, code=UNREADABLE):
        configured = Configured.beside(directory, config)
        with opened(file) as stream:
            recording = read_recording(stream, rules.registries)
        with in_store_at(configured.store if configured else None) as kept:
            exempt = configured.exempt_agents if configured else frozenset()
            replaying = Replay(rules, exempt, FirstKnown(recording, kept))
            comparison = Comparison.of(recording.requests(), replaying)
    others = {"Flows that ask for no manifest of a registry": recording.others}
    shown = Shown(comparison, "requests", others, recording.cut)
    shown.print(as_json=as_json, unchanged_too=unchanged_too)
    raise typer.Exit(CHANGES if comparison.changed else 0)
