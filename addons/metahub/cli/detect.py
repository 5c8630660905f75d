"""`metahub detect`: what this machine is, in the features that the rules speak of."""

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.check import show_mistakes
from metahub.cli.detection import Detected
from metahub.cli.explain import show_table
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
from metahub.rules import RulesError, read_rules


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
    try:
        detected = [_matched(one, match) for one in _detected(node_labels, name)]
    except RulesError as error:
        show_mistakes(error, match or Path())
        raise typer.Exit(1) from error
    except NodeLabelsError as error:
        typer.echo(f"metahub detect: {node_labels}: {error}", err=True)
        raise typer.Exit(1) from error
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


def _matched(detected: Detected, directory: Path | None) -> Detected:
    if directory is None:
        return detected
    found = matches(detected.detection, read_rules(directory))
    return Detected(detected.name, detected.detection, found)


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
