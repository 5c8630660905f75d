"""Nodes of Kubernetes, as kubectl or a file of labels tells them.

Knows the ways in which they are written down. Must not know what any label means.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

_KIB = re.compile(r"([0-9]{1,15})Ki")
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._/-]*)=(\S*)")


class NodeLabelsError(Exception):
    """The text holds no labels of nodes; the sentence says what was expected."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of Kubernetes: its name, its labels, and its memory in KiB if it is said."""

    name: str
    labels: Mapping[str, str]
    memory: int | None = None


def read_nodes(text: str) -> tuple[Node, ...]:
    """What `kubectl get nodes -o json` or `-o yaml` says, or the labels of one node, a line each.

    Raises NodeLabelsError.
    """
    lines = [line for line in map(str.strip, text.splitlines()) if line and line[0] != "#"]
    pairs = [match for line in lines if (match := _LINE.fullmatch(line.rstrip(",")))]
    if pairs and len(pairs) == len(lines):
        return (Node("node", {match[1]: match[2] for match in pairs}),)
    document = _document(text)
    items = document.get("items", [document])
    nodes = tuple(_node(item) for item in items) if isinstance(items, list) else ()
    if not nodes:
        raise NodeLabelsError("found no node, expected what `kubectl get nodes -o json` prints")
    return nodes


def _document(text: str) -> Mapping[str, object]:
    """JSON first: it is YAML, too, but a large fleet of it would take minutes."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = _as_yaml(text)
    if not isinstance(read, dict):
        expected = "what `kubectl get node NAME -o json` prints, or lines like name=value"
        raise NodeLabelsError(f"found no labels, expected {expected}")
    return read


def _as_yaml(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = str(error).replace("\n", " ")
        raise NodeLabelsError(
            f"found neither JSON nor YAML nor lines name=value: {place}"
        ) from error


def _node(item: object) -> Node:
    if not isinstance(item, dict):
        raise NodeLabelsError("found a list with something else than nodes in it")
    metadata = _mapping(item.get("metadata"))
    labels = metadata.get("labels") if metadata else item
    texts = {name: str(value) for name, value in _mapping(labels).items() if _is_plain(value)}
    name = metadata.get("name")
    return Node(str(name) if _is_plain(name) else "node", texts, _memory(item))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _is_plain(value: object) -> bool:
    """Of anything else the text may be endless, as aliases of YAML may hold one another."""
    return isinstance(value, str | int | float)


def _memory(item: Mapping[str, object]) -> int | None:
    capacity = _mapping(_mapping(item.get("status")).get("capacity"))
    memory = capacity.get("memory")
    said = _KIB.fullmatch(memory) if isinstance(memory, str) else None
    return int(said[1]) if said else None
