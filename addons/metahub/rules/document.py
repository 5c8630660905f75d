"""The files of the rules as documents: plain values, and the place of each.

Knows keys, lists and texts. Must not know what the rules mean.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from metahub.rules.mistake import KeyPath, Mistake, Place, Unquoted, kind_of, shortened, shown
from metahub.rules.nodes import (
    MAX_DEPTH,
    TOO_DEEP,
    UnreadableYamlError,
    compose,
    too_much,
    unreadable,
)
from metahub.rules.source import Source

MAX_VALUES = 100_000
"""Ours: aliases let a few lines stand for billions of values. Rules of 1 MiB hold fewer."""

_YAML = "tag:yaml.org,2002:"
# What YAML 1.1 takes a plain word for. https://yaml.org/type/
_KINDS = {
    f"{_YAML}int": "number",
    f"{_YAML}float": "number",
    f"{_YAML}bool": "boolean",
    f"{_YAML}timestamp": "date",
}
_KNOWN_TAGS = {
    f"{_YAML}{name}" for name in ("map", "seq", "str", "null", "merge", "value")
} | _KINDS.keys()


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, or several together. Values are dict, list, str, Unquoted and None."""

    values: Mapping[str, Any]
    places: Mapping[KeyPath, Place]
    mistakes: tuple[Mistake, ...] = ()
    is_whole: bool = True
    """False where a file could not be read, so that what seems to be missing may be there."""

    def place(self, path: KeyPath) -> Place:
        """The line of a value; of what holds it, where there is no such value."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def only(self, keys: Iterable[str]) -> "Document":
        """Some keys of it, and of the mistakes none."""
        values = {key: self.values[key] for key in keys}
        places = {path: at for path, at in self.places.items() if not path or path[0] in values}
        return Document(values, places)


def read_file(source: Source) -> Document:
    """What one file says; nothing, but why, where it cannot be read."""
    whole: dict[KeyPath, Place] = {(): Place(source.file)}
    try:
        file = _read(source)
    except UnreadableYamlError as error:
        return Document({}, whole, (error.mistake,), is_whole=False)
    return Document(file.values, whole | file.places, tuple(file.mistakes))


def as_one(files: Iterable[Document], whole: Place) -> Document:
    """All that files say. `whole` is the place of what none of them holds."""
    files = tuple(files)
    values: dict[str, Any] = {}
    places: dict[KeyPath, Place] = {(): whole}
    mistakes = [mistake for file in files for mistake in file.mistakes]
    for file in files:
        again = [key for key in file.values if key in values]
        mistakes += (_again(file.places[key,], (key,), places[key,]) for key in again)
        new = file.only(file.values.keys() - again)
        values |= new.values
        places |= {path: at for path, at in new.places.items() if path}
    return Document(values, places, tuple(mistakes), all(file.is_whole for file in files))


def _read(source: Source) -> "_File":
    if source.mistake:
        raise UnreadableYamlError(source.mistake)
    file = _File(source)
    try:
        file.read(compose(source))
    except yaml.MarkedYAMLError as error:
        raise unreadable(source, error) from error
    return file


@dataclass(slots=True)
class _File:
    """The values of one file, and their places."""

    source: Source
    values: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    _count: int = 0

    def read(self, root: Node | None) -> None:
        """Take the values below a file's root node.

        Raises UnreadableYamlError for another root than a mapping, MarkedYAMLError for too much.
        """
        if root is None:
            return
        if not isinstance(root, MappingNode):
            found = kind_of(self._value(root, ()))
            expected = "a mapping of keys, like `clients:`"
            raise UnreadableYamlError(Mistake(self._place(root), (), found, expected))
        self.values = self._mapping(root, ())

    def _value(self, node: Node, path: KeyPath) -> Any:
        self._bear(node, path)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return self._list(node, path)
        return _scalar(node)

    def _bear(self, node: Node, path: KeyPath) -> None:
        self._count += 1
        if len(path) > MAX_DEPTH:
            raise too_much(TOO_DEEP, MAX_DEPTH, node)
        if self._count > MAX_VALUES:
            raise too_much("too many values, with all that aliases repeat,", MAX_VALUES, node)
        self._check_tag(node, path)

    def _list(self, node: SequenceNode, path: KeyPath) -> list[Any]:
        for position, item in enumerate(node.value):
            self.places[*path, position] = self._place(item)
        return [self._value(item, (*path, position)) for position, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            below = (*path, key)
            if key in values:
                self.mistakes.append(_again(self._place(key_node), below, self.places[below]))
                continue
            self.places[below] = self._place(key_node)
            values[key] = self._value(value_node, below)
        return values

    def _key(self, node: Node, path: KeyPath) -> str | None:
        """A key as text, if it can be meant as one, so that what stands below it can be read."""
        self._check_tag(node, path)
        key = _scalar(node) if isinstance(node, ScalarNode) else node.value
        if isinstance(key, str):
            return key
        word = key.word if isinstance(key, Unquoted) else ""
        quoted = f'"{shortened(word)}"' if word else ""
        self._mistake(node, path, f"{shown(key)} as a key", "a text", quoted)
        return word or None

    def _check_tag(self, node: Node, path: KeyPath) -> None:
        if node.tag not in _KNOWN_TAGS:
            expected = "none; a text that begins with ! stands in quotes"
            self._mistake(node, path, "a YAML tag", expected)

    def _mistake(
        self, node: Node, path: KeyPath, found: str, expected: str, did_you_mean: str = ""
    ) -> None:
        self.mistakes.append(Mistake(self._place(node), path, found, expected, did_you_mean))

    def _place(self, node: Node) -> Place:
        return Place(self.source.file, node.start_mark.line + 1)


def _scalar(node: Node) -> str | Unquoted | None:
    if node.tag == f"{_YAML}null":
        return None
    kind = _KINDS.get(node.tag)
    return Unquoted(node.value, kind) if kind else str(node.value)


def _again(place: Place, path: KeyPath, first: Place) -> Mistake:
    return Mistake(place, path, f"this key again (first in {first})", "it once")
