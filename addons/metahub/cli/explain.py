"""`metahub explain`: what would become of an image for a machine type, and why."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from metahub.cli.ending import ending_with
from metahub.cli.explained import AT_A_GLANCE, IN_WORDS, entries_as_table, matrix_as_table
from metahub.cli.index_file import read_index
from metahub.cli.rules_read import DIRECTORY, rules_in
from metahub.cli.table import show_table
from metahub.core.machine import MachineType
from metahub.core.rewrite import Chosen
from metahub.explaining.asker import Asker
from metahub.explaining.explanation import ExplainError, Explanation
from metahub.explaining.matrix import Matrix
from metahub.explaining.pull import explanations_of, image_named
from metahub.rules import Rules
from metahub.upstream import AuthFiles, Route, UpstreamError


@dataclass(frozen=True, slots=True)
class OfFile:
    """An index in a file is to be explained."""

    file: Path
    image: str | None
    media_type: str | None

    def explanations(self, askers: Sequence[MachineType], rules: Rules) -> list[Explanation]:
        """What becomes of it for each machine type. Raises ExplainError."""
        index = read_index(self.file, self.image, self.media_type)
        return [index.explanation(machine_type, rules) for machine_type in askers]


@dataclass(frozen=True, slots=True)
class OfRegistry:
    """What a registry has of an image is to be explained."""

    image: str
    plain_http: bool
    ca: Path | None
    proxy: str | None
    wants_bytes: bool

    def explanations(self, askers: Sequence[MachineType], rules: Rules) -> list[Explanation]:
        """What each machine type gets of it. Raises ExplainError and UpstreamError."""
        image = image_named(self.image)
        route = Route.of(self.ca, self.proxy, plain_http=self.plain_http)
        files = AuthFiles.of(os.environ, Path.home(), os.getuid())
        asked = explanations_of(image, askers, rules, route, files, wants_bytes=self.wants_bytes)
        return asyncio.run(asked)


def explain(
    image: Annotated[
        str | None,
        typer.Argument(
            help="An image, as docker takes it. Its registry is asked, as this machine is logged in"
            " to it with docker or podman.",
            metavar="IMAGE",
            show_default=False,
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(help="Or an index, as a registry serves it; - is stdin.", metavar="FILE"),
    ] = None,
    machine_type: Annotated[
        str | None, typer.Option("--type", help="For this machine type.", metavar="NAME")
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="Or for the machine type of this user.", metavar="NAME")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Or for that of a client at this address.", metavar="IP")
    ] = None,
    all_types: Annotated[
        bool, typer.Option("--all-types", help="Or for every machine type: who gets what.")
    ] = False,
    rules: Annotated[
        Path, typer.Option(help="The directory of the rules.", metavar="DIR")
    ] = DIRECTORY,
    called: Annotated[
        str | None,
        typer.Option(
            "--image",
            help="What the image of --index is called: the rules may say more of it.",
            metavar="NAME",
        ),
    ] = None,
    media_type: Annotated[
        str | None, typer.Option(help="Of an --index that does not say it itself.", metavar="TYPE")
    ] = None,
    plain_http: Annotated[
        bool, typer.Option("--plain-http", help="Ask a registry that has no TLS.")
    ] = False,
    ca: Annotated[
        Path | None,
        typer.Option(help="Trust the registry's authority, in PEM, too.", metavar="FILE"),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            help="Ask through this proxy. HTTPS_PROXY is not honoured: were it MetaHub, the"
            " registry's index would come rewritten already.",
            metavar="URL",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the bytes that are served.", metavar="FILE")
    ] = None,
) -> None:
    """Show which entries of an image's index stay for a machine type, which go, and why."""
    _one_of("IMAGE and --index", image, index)
    _one_of(
        "--type, --user, --address and --all-types", machine_type, user, address, all_types or None
    )
    if all_types:
        _not_with("--all-types", {"--output": output})
    if image is None:
        _not_with("--index", {"--plain-http": plain_http, "--ca": ca, "--proxy": proxy})
    else:
        _not_with("IMAGE", {"--image": called, "--media-type": media_type})
    subject = (
        OfFile(index, called, media_type)
        if index is not None
        else OfRegistry(image or "", plain_http, ca, proxy, wants_bytes=output is not None)
    )
    with ending_with(ExplainError, UpstreamError, name="metahub explain"):
        explanations = _explanations(subject, Asker(machine_type, user, address), rules)
        if all_types:
            _show_all(explanations, as_json=as_json)
        else:
            _show(explanations[0], as_json=as_json)
            _write(explanations[0], output)


def _one_of(names: str, *values: object) -> None:
    if sum(value is not None for value in values) != 1:
        raise typer.BadParameter(f"expected one of {names}")


def _not_with(name: str, options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value not in (None, False):
            raise typer.BadParameter(f"{option} does not go with {name}")


def _explanations(subject: OfFile | OfRegistry, asker: Asker, directory: Path) -> list[Explanation]:
    rules = rules_in(directory)
    return subject.explanations(asker.machine_types(rules), rules)


def _show(explanation: Explanation, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(explanation.as_json(), indent=2))
        return
    typer.echo("\n".join(explanation.lines()))
    if explanation.answer.selection.verdicts:
        show_table(entries_as_table(explanation))


def _show_all(explanations: Sequence[Explanation], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in explanations], indent=2))
        return
    marks = AT_A_GLANCE if _is_drawn() else IN_WORDS
    for matrix in Matrix.of(explanations):
        typer.echo("\n".join(matrix.lines()))
        show_table(matrix_as_table(matrix, marks))


def _is_drawn() -> bool:
    """True where marks can be seen: on a terminal that shows more than ASCII."""
    console = Console()
    return console.is_terminal and console.encoding.startswith("utf")


def _write(explanation: Explanation, output: Path | None) -> None:
    if output is None:
        return
    if explanation.served is None:
        raise ExplainError(f"{_why_nothing(explanation)}, so {output} is not written")
    try:
        output.write_bytes(explanation.served)
    except OSError as error:
        raise ExplainError(f"{output} cannot be written: {error.strerror}") from error


def _why_nothing(explanation: Explanation) -> str:
    if isinstance(explanation.answer, Chosen):
        return f"only the registry has the manifest {explanation.answer.digest}"
    return "nothing is served"
