"""Mistakes that no single value shows: two that clash, and one without its partner.

Reads values as they are written, so that a clash is found although something else is wrong.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from metahub.rules import value
from metahub.rules.document import Document
from metahub.rules.mistake import KeyPath, Mistake, shown
from metahub.rules.unexpected import UnexpectedValueError, text

type _Written = Iterator[tuple[KeyPath, Any]]
"""Values of the document, and the way to each."""

# The keys of a client that say who it is -> what is wrong with having these and no others.
_WRONG_IDENTITIES = {
    frozenset[str](): ("neither user nor network", "one of them"),
    frozenset({"password_hash"}): ("a password_hash without user", "both"),
    frozenset({"user"}): ("a user without password_hash", "both"),
    frozenset({"user", "network"}): ("both user and network", "one of them"),
    frozenset({"password_hash", "network"}): ("both password_hash and network", "one of them"),
    frozenset({"user", "password_hash", "network"}): ("both user and network", "one of them"),
}


def clashes(document: Document) -> Iterator[Mistake]:
    """Every clash between values of the document."""
    yield from _identities(document)
    yield from _repeated(document, _in_items(document, "clients", "user"), value.user)
    yield from _repeated(document, _in_items(document, "clients", "network"), value.network)
    yield from _repeated(document, _in_items(document, "images", "match"), _as_written)
    yield from _repeated(document, _items(document, "registries"), value.registry)
    yield from _repeated(document, _keys(document, "features"), value.feature_key)


def _identities(document: Document) -> Iterator[Mistake]:
    for path, client in _items(document, "clients"):
        identity = {"user", "password_hash", "network"}.intersection(_mapping(client))
        wrong = _WRONG_IDENTITIES.get(frozenset(identity))
        if wrong and isinstance(client, dict):
            yield Mistake(document.place(path), path, *wrong)


def _repeated(
    document: Document, written: _Written, read: Callable[[object], Hashable]
) -> Iterator[Mistake]:
    """A mistake for each value that means the same as one before; those that mean none are not."""
    first: dict[Hashable, KeyPath] = {}
    for path, word in written:
        try:
            before = first.setdefault(read(word), path)
        except UnexpectedValueError:
            continue
        if before != path:
            found = f"{shown(word)} again (first in {document.place(before)})"
            yield Mistake(document.place(path), path, found, "it once")


def _as_written(word: object) -> str:
    return text(word, "a text")


def _keys(document: Document, name: str) -> _Written:
    for key in _mapping(document.values.get(name)):
        yield (name, key), key


def _items(document: Document, name: str) -> _Written:
    items = document.values.get(name)
    for position, item in enumerate(items if isinstance(items, list) else ()):
        yield (name, position), item


def _in_items(document: Document, name: str, key: str) -> _Written:
    for path, item in _items(document, name):
        if key in _mapping(item):
            yield (*path, key), item[key]


def _mapping(written: Any) -> dict[str, Any]:
    return written if isinstance(written, dict) else {}
