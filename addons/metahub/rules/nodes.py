"""YAML text -> PyYAML's nodes, which know their lines.

Knows syntax, and how to stay safe from hostile nesting. Must not know what a value is good for.
"""

import re
from typing import Any, override

import yaml
from yaml.composer import Composer
from yaml.events import AliasEvent, Event
from yaml.nodes import Node, ScalarNode
from yaml.reader import Reader
from yaml.resolver import Resolver

from metahub.rules.mistake import Mistake, Place
from metahub.rules.source import Source

MAX_DEPTH = 16
"""Ours: rules are five levels deep. PyYAML's own composer would exhaust the stack."""

ALIAS = "alias"
"""The tag of a node that stands for another one: no tag of YAML's."""

TOO_DEEP = "a value with too many levels above it"

# libyaml reads eight times as fast, where PyYAML was built with it.
_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What PyYAML says -> what was found, and what is expected instead.
_IN_OUR_WORDS = (
    (r"character '\t'", "a tab", "spaces: YAML is never indented with tabs"),
    (
        "cannot start any token",
        "a character that no plain text begins with",
        "quotes around the text",
    ),
    (
        "mapping values are not allowed",
        "a colon where no key can stand",
        "the indentation of the lines above, or quotes around a text with a colon and a space",
    ),
    ("undefined alias", "an alias without its anchor", "quotes around a text that begins with *"),
    ("second occurrence", "an anchor that is set twice", "another name for one of the two"),
    ("another document", "a second document", "one document in a file, without ---"),
)
_LONGEST_BRACES = 80  # characters: braces with a word in them
_BEHIND_BRACES = re.compile(r"\{\w+\}$")

# A name out of the file, which might be a password that YAML takes for a tag.
_QUOTED_NAME = re.compile(r" '[^'<\\][^']+'")


class UnreadableYamlError(Exception):
    """A file that is no YAML, or none that can be read safely."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def compose(source: Source) -> Node | None:
    """The root node of a file; None if there is nothing in it. Raises UnreadableYamlError."""
    return _composed(source, _decoded(source), _Composer)


def lay_out(source: Source) -> tuple[str, Node | None]:
    """A file as it is written: its text, and the root of nodes that stand at their own places.

    An alias is a node of its own, tagged ALIAS. Raises UnreadableYamlError.
    """
    text = _decoded(source)
    return text, _composed(source, text, _AsWritten)


def too_much(found: str, most: int, node: Any) -> yaml.MarkedYAMLError:
    """The error of a file that would cost too much to read on."""
    return yaml.MarkedYAMLError(problem=found, note=f"at most {most}", problem_mark=node.start_mark)


def unreadable(source: Source, error: yaml.MarkedYAMLError) -> UnreadableYamlError:
    """PyYAML's error as a mistake that repeats no name out of the file."""
    mark = error.problem_mark or yaml.Mark("", 0, 0, 0, None, 0)
    found, expected = _worded(error)
    at = f"{found} at column {mark.column + 1}"
    return UnreadableYamlError(Mistake(Place(source.file, mark.line + 1), (), at, expected))


def _worded(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    problem = error.problem or ""
    if error.note:
        return problem, error.note
    if _stands_behind_braces(error.problem_mark):
        return "a text behind braces", 'quotes around all of it, like "{tag}-gpu"'
    for said, found, expected in _IN_OUR_WORDS:
        if said in problem:
            return found, expected
    return f"a syntax error ({_QUOTED_NAME.sub('', problem)})", "valid YAML"


def _stands_behind_braces(mark: yaml.Mark | None) -> bool:
    """True where YAML has taken `{tag}-gpu` for a mapping with something behind it."""
    before = mark.buffer[: mark.pointer] if mark and mark.buffer else ""
    return _BEHIND_BRACES.search(before[-_LONGEST_BRACES:]) is not None


def _decoded(source: Source) -> str:
    try:
        text = source.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source.content[: error.start].count(b"\n")
        raise _unprintable(source, before, "a byte that is not UTF-8") from error
    control = Reader.NON_PRINTABLE.search(text)
    if control:
        before = text.count("\n", 0, control.start())
        raise _unprintable(source, before, "a control character")
    return text


def _unprintable(source: Source, lines_before: int, found: str) -> UnreadableYamlError:
    place = Place(source.file, lines_before + 1)
    return UnreadableYamlError(Mistake(place, (), found, "printable text in UTF-8"))


def _composed(source: Source, text: str, composer: type["_Composer"]) -> Node | None:
    try:
        return composer(text, _FAST).get_single_node()
    except yaml.YAMLError:
        # What libyaml says of a mistake differs from place to place. PyYAML has better words.
        return _composed_slowly(source, text, composer)


def _composed_slowly(source: Source, text: str, composer: type["_Composer"]) -> Node | None:
    try:
        return composer(text, yaml.SafeLoader).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise unreadable(source, error) from error


class _Composer(Composer, Resolver):
    """PyYAML's composer over the events of either parser, and no deeper than MAX_DEPTH."""

    def __init__(self, text: str, loader: Any) -> None:
        Composer.__init__(self)
        Resolver.__init__(self)
        self._events = yaml.parse(text, Loader=loader)
        self._next = next(self._events)
        self._depth = 0

    def peek_event(self) -> Event:
        return self._next

    def get_event(self) -> Event:
        event, self._next = self._next, next(self._events, self._next)
        return event

    def check_event(self, *choices: type[Event]) -> bool:
        return isinstance(self._next, choices)

    @override
    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self._depth == MAX_DEPTH:
            raise too_much(TOO_DEEP, MAX_DEPTH, self._next)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _AsWritten(_Composer):
    """The same, but that nothing stands for what it is an alias of."""

    @override
    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if not self.check_event(AliasEvent):
            return super().compose_node(parent, index)
        alias: Any = self.get_event()
        return ScalarNode(ALIAS, "", alias.start_mark, alias.end_mark)
