"""How a list of mappings is written in a file, and what to splice to change an item of it.

Knows block and flow style, lines and comments. Must not know what the items mean, nor YAML's words
for single values. Whether a splice says what it is meant to say is for others to check.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from metahub.rules.nodes import ALIAS
from metahub.rules.yaml_text import in_block, in_flow, scalar

# The dash of an item stands on the item's own line or above, with nothing but comments between.
_DASH = re.compile(r"^(?P<indent> *)-(?:[ \t]*(?:#[^\n]*|\r)?\n)*[ \t]*\Z", re.MULTILINE)
_COLON = re.compile(r"[ \t]*:")
_OPENING = re.compile(r"(?:[&!]\S*\s+)*\[")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*|\r)?(?:\n|\Z)")
_COMMA = re.compile(r"\s*,")
_NEW_INDENT = "  "


class UnspliceableError(Exception):
    """Something is written in a way that nothing can be spliced into. The message says what."""

    def __init__(self, node: Node, what: str) -> None:
        super().__init__(what)
        self.line: int = node.start_mark.line + 1


@dataclass(frozen=True, slots=True, order=True)
class Splice:
    """Text in the place of other text."""

    start: int
    end: int
    text: str = ""


def spliced(text: str, splices: Sequence[Splice]) -> str:
    """The text with all of them. They do not overlap."""
    for splice in sorted(splices, reverse=True):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


@dataclass(frozen=True, slots=True)
class ListLayout:
    """A list in a file. Its methods raise UnspliceableError."""

    text: str
    items: SequenceNode
    key: Node
    """Of which the list is the value."""

    @classmethod
    def of(cls, text: str, root: Node | None, name: str) -> "ListLayout":
        """The list that is the value of a key at the root, which is there."""
        pairs = cast(MappingNode, root).value  # or the key would not be there
        key, items = next(pair for pair in pairs if pair[0].value == name)
        if not isinstance(items, SequenceNode):
            raise UnspliceableError(items, f"{name} is an alias")
        return cls(text, items, key)

    def with_item(self, item: Mapping[str, Any], behind: int | None) -> list[Splice]:
        """One item more, behind that position; in an empty list behind none."""
        if behind is None:
            return self._with_first(item)
        before = self.items.value[behind]
        if self.items.flow_style:
            at = _end(before, self.text)
            return [Splice(at, at, f", {in_flow(item)}")]
        indent = self._dash(before)["indent"]
        style = _flow_item if before.flow_style else _block_item
        at = self._past_comments(self._line_end(_end(before, self.text)), len(indent))
        return [self._lines(at, [indent + line for line in style(item)])]

    def with_values(self, position: int, values: Mapping[str, Any]) -> list[Splice]:
        """Other values of some keys of an item. A mapping says it of the keys below, None of none.

        A key that is not there is appended, and one with None taken away.
        """
        return list(self._with_values(self._mapping(self.items.value[position]), values))

    def without_item(self, position: int) -> list[Splice]:
        """One item less. Comments above it stay, those that are indented below it go."""
        if self.items.flow_style:
            spans = [_span(item, item, self.text) for item in self.items.value]
            return [self._without_member(spans, position)]
        item = self.items.value[position]
        dash = self._dash(item)
        end = self._line_end(_end(item, self.text))
        gone = self._without_lines(dash.start(), self._past_comments(end, len(dash["indent"])))
        if len(self.items.value) > 1:
            return [gone]
        colon = self._colon()
        return [Splice(colon, colon, " []"), gone]

    def lines_of(self, position: int) -> str:
        """What stands there for an item, from its dash to the end of its last line."""
        item = self.items.value[position]
        start, end = _span(item, item, self.text)
        dash = None if self.items.flow_style else self._dash(item)
        return self.text[dash.start() if dash else start : end]

    def _with_first(self, item: Mapping[str, Any]) -> list[Splice]:
        colon, end = self._colon(), self.items.end_mark.index
        rest = _REST_OF_LINE.match(self.text, end)
        if self.text[colon:end] == " []" and rest and self.key.start_mark.column == 0:
            at = self._past_comments(rest.end(), len(_NEW_INDENT))
            lines = [_NEW_INDENT + line for line in _block_item(item)]
            return [Splice(colon, end), self._lines(at, lines)]
        opening = _OPENING.match(self.text, self.items.start_mark.index)
        if opening is None:
            raise UnspliceableError(self.items, "the list has no bracket that can be found")
        return [Splice(opening.end(), opening.end(), in_flow(item))]

    def _with_values(self, node: MappingNode, values: Mapping[str, Any]) -> Iterator[Splice]:
        below = {key.value: value for key, value in node.value}
        new = {key: value for key, value in values.items() if key not in below and value}
        if new:
            yield self._appended(node, new)
        for position, (key, value) in enumerate(node.value):
            wanted = values.get(key.value)
            if isinstance(wanted, Mapping):
                yield from self._with_values(self._mapping(value), wanted)
            elif wanted is not None:
                yield self._replaced(node, value, wanted)
            elif key.value in values:
                yield self._without_key(node, position)

    def _mapping(self, node: Node) -> MappingNode:
        if isinstance(node, MappingNode):
            return node
        raise UnspliceableError(node, "an alias stands there")

    def _replaced(self, parent: MappingNode, node: Node, value: Any) -> Splice:
        if not isinstance(node, ScalarNode) or node.tag == ALIAS:
            raise UnspliceableError(node, "an alias stands there")
        word = scalar(value, within_flow=bool(parent.flow_style))
        return Splice(node.start_mark.index, _end(node, self.text), word)

    def _appended(self, node: MappingNode, new: Mapping[str, Any]) -> Splice:
        end = _end(node.value[-1][1], self.text)
        if node.flow_style:
            pairs = in_flow(new).removeprefix("{").removesuffix("}")
            return Splice(end, end, f", {pairs}")
        indent = " " * node.value[0][0].start_mark.column
        return self._lines(self._line_end(end), list(in_block(new, indent)))

    def _without_key(self, node: MappingNode, position: int) -> Splice:
        spans = [_span(key, value, self.text) for key, value in node.value]
        start, end = spans[position]
        if node.flow_style:
            return self._without_member(spans, position)
        if self.text[self._line_start(start) : start].strip(" "):
            raise UnspliceableError(node.value[position][0], "the key stands behind the dash")
        return self._without_lines(start, self._line_end(end))

    def _without_member(self, spans: Sequence[tuple[int, int]], position: int) -> Splice:
        """A member of braces or brackets less, and one of the commas beside it."""
        start, end = spans[position]
        before = spans[position - 1][1] if position else None
        if before is not None and "#" not in self.text[before:start]:
            return Splice(before, end)
        if position + 1 < len(spans) and "#" not in self.text[end : spans[position + 1][0]]:
            return Splice(start, spans[position + 1][0])
        comma = _COMMA.match(self.text, end)
        return Splice(start, comma.end() if comma else end)

    def _without_lines(self, start: int, end: int) -> Splice:
        """Whole lines less. A file that ended without a newline still does."""
        start = self._line_start(start)
        if end == len(self.text) and not self.text.endswith("\n"):
            start = len(self.text[:start].removesuffix("\n").removesuffix("\r"))
        return Splice(start, end)

    def _lines(self, at: int, lines: Sequence[str]) -> Splice:
        """Lines more, that end as others do."""
        first = self.text.partition("\n")[0]
        newline = "\r\n" if first.endswith("\r") else "\n"
        if self.text[:at].endswith("\n"):
            return Splice(at, at, "".join(line + newline for line in lines))
        return Splice(at, at, "".join(newline + line for line in lines))

    def _dash(self, item: Node) -> re.Match[str]:
        found = _DASH.search(self.text, 0, item.start_mark.index)
        if found is None:
            raise UnspliceableError(item, "no line begins with the dash of the item")
        return found

    def _colon(self) -> int:
        """Where the value may begin that belongs to the key."""
        colon = _COLON.match(self.text, self.key.end_mark.index)
        if colon is None:
            raise UnspliceableError(self.key, "no colon stands behind the key")
        return colon.end()

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        return self.text.find("\n", at) + 1 or len(self.text)

    def _past_comments(self, at: int, column: int) -> int:
        """Behind the comments that stand there, indented below a column."""
        comment = re.compile(rf" {{{column + 1},}}#[^\n]*(?:\n|\Z)")
        while found := comment.match(self.text, at):
            at = found.end()
        return at


def _flow_item(item: Mapping[str, Any]) -> list[str]:
    return [f"- {in_flow(item)}"]


def _block_item(item: Mapping[str, Any]) -> list[str]:
    first, *more = in_block(item)
    return [f"- {first}", *(f"  {line}" for line in more)]


def _span(first: Node, last: Node, text: str) -> tuple[int, int]:
    return first.start_mark.index, _end(last, text)


def _end(node: Node, text: str) -> int:
    """Where a node ends that is written there. A block ends with the last value in it."""
    if isinstance(node, CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, MappingNode) else last, text)
    return len(text[: node.end_mark.index].rstrip())
