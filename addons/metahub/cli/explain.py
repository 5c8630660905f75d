"""`metahub explain`: what would become of an index for a machine type, and why."""

import json
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from metahub.cli.check import DIRECTORY, show_mistakes
from metahub.cli.explanation import Explanation
from metahub.core.client import Client, parse_address
from metahub.core.distribution import (
    INDEX_TYPES,
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    ImageName,
    parse_manifest_path,
)
from metahub.core.index import MalformedIndexError
from metahub.core.machine import MachineType
from metahub.core.rewrite import Terms, rewrite
from metahub.rules import Rules, RulesError, UnknownClients, read_rules
from metahub.rules.mistake import nearest

STDIN = Path("-")
_WITHOUT_EDGE = 10_000  # columns, where the output is not a terminal
_ANY_ADDRESS = parse_address("::")  # a user beats every network
_REGISTRY = re.compile(r"[.:]|^localhost$")  # what docker, too, tells a registry by
_UNKNOWN_CLIENT = {
    UnknownClients.PASS: "it gets upstream's index as it is",
    UnknownClients.DENY: "it is asked for a user and password",
}


class ExplainError(Exception):
    """There is nothing to explain; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who pulls: by machine type, by user or by address. One of them is given."""

    machine_type: str | None
    user: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be explained, as the command line says it."""

    index: Path
    asker: Asker
    rules: Path
    image: str | None
    media_type: str | None


def explain(
    index: Annotated[
        Path, typer.Option(help="The index, as a registry serves it; - is stdin.", metavar="FILE")
    ],
    machine_type: Annotated[
        str | None, typer.Option("--type", help="For this machine type.", metavar="NAME")
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="Or for the machine type of this user.", metavar="NAME")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Or for that of a client at this address.", metavar="IP")
    ] = None,
    rules: Annotated[
        Path, typer.Option(help="The directory of the rules.", metavar="DIR")
    ] = DIRECTORY,
    image: Annotated[
        str | None,
        typer.Option(
            help="What the image is called: the rules may say more of it.", metavar="NAME"
        ),
    ] = None,
    media_type: Annotated[
        str | None, typer.Option(help="Of an index that does not say it itself.", metavar="TYPE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the bytes that are served.", metavar="FILE")
    ] = None,
) -> None:
    """Show which entries of an index stay for a machine type, which go, and why."""
    if [machine_type, user, address].count(None) != 2:
        raise typer.BadParameter("expected one of --type, --user and --address")
    asker = Asker(machine_type, user, address)
    try:
        explanation = _explanation(Question(index, asker, rules, image, media_type))
        _show(explanation, as_json=as_json)
        _write(explanation, output)
    except RulesError as error:
        show_mistakes(error, rules)
        raise typer.Exit(1) from error
    except ExplainError as error:
        typer.echo(f"metahub explain: {error}", err=True)
        raise typer.Exit(1) from error


def _explanation(question: Question) -> Explanation:
    rules = read_rules(question.rules)
    machine_type = _machine_type(question.asker, rules)
    image = _image_name(question.image) if question.image else None
    terms = rules.terms(image, machine_type) if image else Terms(machine_type, rules.vocabulary)
    body = _read(question.index)
    media_type = _stated_type(body) or _index_type(question.media_type or OCI_INDEX)
    try:
        answer = rewrite(body, media_type, image or _name(question.index), terms)
    except MalformedIndexError as error:
        raise ExplainError(f"{_name(question.index)} is no index: {error}") from error
    return Explanation(machine_type, body, answer)


def _machine_type(asker: Asker, rules: Rules) -> MachineType:
    if asker.machine_type is not None:
        return rules.machine_types[_known(asker.machine_type, rules.machine_types, "machine type")]
    found = rules.clients.machine_type(_client(asker, rules))
    if found is None:
        becomes = _UNKNOWN_CLIENT[rules.unknown_clients]
        raise ExplainError(f"the rules know no client at {asker.address}: {becomes}")
    return found


def _client(asker: Asker, rules: Rules) -> Client:
    if asker.user is not None:
        return Client(_ANY_ADDRESS, _known(asker.user, rules.password_hashes, "user"))
    try:
        return Client(parse_address(asker.address or ""))
    except ValueError as error:
        raise ExplainError(f"--address: expected an IP address, found {asker.address!r}") from error


def _known(name: str, names: Collection[str], what: str) -> str:
    if name in names:
        return name
    near = nearest(name, names)
    hint = f"; did you mean {near!r}?" if near else ""
    raise ExplainError(f"the rules know no {what} {name!r}{hint}")


def _image_name(text: str) -> ImageName:
    registry, _, repository = text.partition("/")
    path = parse_manifest_path(f"/v2/{repository}/manifests/latest")
    if path is None or not _REGISTRY.search(registry):
        expected = "a name with its registry and without a tag, like docker.io/qnib/bench"
        raise ExplainError(f"--image: expected {expected}, found {text!r}")
    return ImageName(registry, repository)


def _name(index: Path) -> str:
    return "stdin" if index == STDIN else index.name


def _read(index: Path) -> bytes:
    try:
        body = _beginning(index)
    except OSError as error:
        raise ExplainError(f"{index} cannot be read: {error.strerror}") from error
    if len(body) > MAX_MANIFEST_BYTES:
        most = f"it has more than the {MAX_MANIFEST_BYTES} bytes that clients take"
        raise ExplainError(f"{_name(index)} is no index: {most}")
    return body


def _beginning(index: Path) -> bytes:
    """As much of the file as shows whether it is too large."""
    if index == STDIN:
        return sys.stdin.buffer.read(MAX_MANIFEST_BYTES + 1)
    with index.open("rb") as opened:
        return opened.read(MAX_MANIFEST_BYTES + 1)


def _stated_type(body: bytes) -> str | None:
    """What the index itself says that it is. A body that says nonsense is left to the core."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    stated = fields.get("mediaType") if isinstance(fields, dict) else None
    return stated if isinstance(stated, str) and stated in INDEX_TYPES else None


def _index_type(text: str) -> str:
    if text in INDEX_TYPES:
        return text
    expected = " or ".join(sorted(INDEX_TYPES))
    raise ExplainError(f"--media-type: expected {expected}, found {text!r}")


def _show(explanation: Explanation, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(explanation.as_json(), indent=2))
        return
    typer.echo(explanation.headline())
    console = Console()
    if console.is_terminal:
        console.print(explanation.as_table())
        return
    typer.echo(_uncut(explanation.as_table()))


def _uncut(table: Table) -> str:
    """The table as plain text, as wide as it has to be."""
    console = Console(width=_WITHOUT_EDGE, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _write(explanation: Explanation, output: Path | None) -> None:
    if output is None:
        return
    if explanation.served is None:
        raise ExplainError(f"nothing is served, so {output} is not written")
    try:
        output.write_bytes(explanation.served)
    except OSError as error:
        raise ExplainError(f"{output} cannot be written: {error.strerror}") from error
