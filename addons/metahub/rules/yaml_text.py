"""Values as YAML writes them, in block style and in flow style.

Knows quotes and indentation. Must not know what the values are for.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from metahub.rules.mistake import Unquoted

_TEXT = "tag:yaml.org,2002:str"
_PLAIN = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._/+$=,-]*")


def in_flow(value: Any) -> str:
    """A value in braces or on its own, for a line that goes on behind it."""
    if not isinstance(value, Mapping):
        return scalar(value, within_flow=True)
    return "{" + ", ".join(f"{key}: {in_flow(below)}" for key, below in value.items()) + "}"


def in_block(pairs: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The lines of keys with their values."""
    for key, value in pairs.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from in_block(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {scalar(value)}"


def scalar(value: str | Unquoted, *, within_flow: bool = False) -> str:
    """A single value, in quotes where YAML would take it for something else without."""
    if isinstance(value, Unquoted):
        return value.word
    return value if _is_plain(value, within_flow) else json.dumps(value, ensure_ascii=False)


def _is_plain(word: str, within_flow: bool) -> bool:
    if _PLAIN.fullmatch(word) is None or (within_flow and "," in word):
        return False
    resolver: Any = Resolver()
    return bool(resolver.resolve(ScalarNode, word, (True, False)) == _TEXT)
