"""`metahub detect`: what this machine is, in the features that the rules speak of."""

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.detection import Detected
from metahub.cli.ending import ending_with
from metahub.cli.table import show_table
from metahub.core.feature import Vocabulary
from metahub.core.machine import MachineType
from metahub.node.detect import (
    NodeLabelsError,
    as_labels,
    as_yaml,
    detection_of,
    matches,
    read_nodes,
    this_machine,
)
from metahub.node.detect import detect as detect_all


def detect(
    as_yaml_: Annotated[
        bool, typer.Option("--yaml", help="Print a machine type to paste into the rules.")
    ] = False,
    match: Annotated[
        Path | None,
        typer.Option(
            help="Say which machine type of these rules it is, or why none fits.", metavar="DIR"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    print_labels: Annotated[
        bool,
        typer.Option(
            "--print-labels",
            help="Print labels of a Kubernetes node, as NFD takes them from files.",
        ),
    ] = False,
    node_labels: Annotated[
        Path | None,
        typer.Option(
            help="Not this machine: the Kubernetes nodes whose labels are in this file, as `kubectl"
            " get nodes -o json` prints them, or lines name=value; - is stdin.",
            metavar="FILE",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Call it so. Without it: as the host is called.", metavar="NAME"),
    ] = None,
) -> None:
    """Find out what this machine offers to builds: CPU, GPUs, network, memory, kernel, cloud.

    Nothing needs root, and nothing is asked over a network. What cannot be known is left out, with
    the reason. With --match, exits with 1 if no machine type fits.
    """
    _not_together({"--yaml": as_yaml_, "--json": as_json, "--print-labels": print_labels})
    _not_together({"--yaml": as_yaml_, "--match": match, "--print-labels": print_labels})
    with ending_with(NodeLabelsError, name=f"metahub detect: {node_labels}"):
        detected = _matched(_detected(node_labels, name), match)
    if as_json:
        _show_json(detected, is_list=node_labels is not None)
    elif as_yaml_:
        typer.echo(as_yaml((one.name, one.detection) for one in detected), nl=False)
    elif print_labels:
        typer.echo("\n".join(line for one in detected for line in as_labels(one.detection)))
    else:
        _show(detected)
    raise typer.Exit(0 if all(one.fits for one in detected) else 1)


def _not_together(given: dict[str, object]) -> None:
    names = [name for name, value in given.items() if value]
    if len(names) > 1:
        raise typer.BadParameter(f"{names[1]} does not go with {names[0]}")


def _detected(node_labels: Path | None, name: str | None) -> list[Detected]:
    if node_labels is None:
        return [Detected(name or platform.node(), detect_all(this_machine()))]
    nodes = read_nodes(_text(node_labels))
    called = [name or node.name if len(nodes) == 1 else node.name for node in nodes]
    return [Detected(one, detection_of(node)) for one, node in zip(called, nodes, strict=True)]


def _text(file: Path) -> str:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read().decode()
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise NodeLabelsError("it is no UTF-8") from error
    except OSError as error:
        raise NodeLabelsError(f"it cannot be read: {error.strerror}") from error


def _matched(detected: Iterable[Detected], directory: Path | None) -> list[Detected]:
    if directory is None:
        return list(detected)
    # Most of the time would go into what reads rules, of which a node has none.
    from metahub.cli.rules_read import rules_in  # noqa: PLC0415

    rules = rules_in(directory)
    return [_matched_by(one, rules.machine_types.values(), rules.vocabulary) for one in detected]


def _matched_by(
    one: Detected, machine_types: Iterable[MachineType], vocabulary: Vocabulary
) -> Detected:
    return replace(one, matches=matches(one.detection, machine_types, vocabulary))


def _show_json(detected: Sequence[Detected], *, is_list: bool) -> None:
    shapes = [one.as_json() for one in detected]
    typer.echo(json.dumps(shapes if is_list else shapes[0], indent=2))


def _show(detected: Iterable[Detected]) -> None:
    for number, one in enumerate(detected):
        typer.echo(f"{'\n' if number else ''}{one.headline()}")
        if one.matches is not None:
            show_table(one.as_match_table())
            continue
        show_table(one.as_table())
        for line in one.left_out():
            typer.echo(line)
