"""Mistakes that no single value shows: two that clash, and one without its partner.

Reads values as they are written, so that a clash is found although something else is wrong.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from functools import partial
from typing import Any

from metahub.rules import value
from metahub.rules.document import Document
from metahub.rules.listed_image import listed_image
from metahub.rules.mistake import KeyPath, Mistake, shown
from metahub.rules.unexpected import UnexpectedValueError, text

type _Written = Iterator[tuple[Document, KeyPath, Any]]
"""Values of a document, and the way to each."""

# The keys of a client that say who it is -> what is wrong with having these and no others.
_WRONG_IDENTITIES = {
    frozenset[str](): ("neither user nor network", "one of them"),
    frozenset({"password_hash"}): ("a password_hash without user", "both"),
    frozenset({"user"}): ("a user without password_hash", "both"),
    frozenset({"user", "network"}): ("both user and network", "one of them"),
    frozenset({"password_hash", "network"}): ("both password_hash and network", "one of them"),
    frozenset({"user", "password_hash", "network"}): ("both user and network", "one of them"),
}

_OF_USERS = ("since", "previous")


def clashes(document: Document) -> Iterator[Mistake]:
    """Every clash between values of the rules."""
    yield from _identities(document)
    yield from _repeated(_in_items(document, "clients", "user"), value.user)
    yield from _repeated(_in_items(document, "clients", "network"), value.network)
    yield from _repeated(_in_items(document, "operators", "user"), value.user)
    yield from _repeated(_in_items(document, "images", "match"), _as_written)
    yield from _repeated(_items(document, "registries"), value.registry)
    yield from _repeated(_keys(document, "features"), value.feature_key)
    for _, path, variants in _in_items(document, "images", "variants"):
        yield from _for_everybody(document, path, variants)
        yield from _repeated(_listed(document, path, variants), _all_of_it)


def clashes_of_lists(lists: Sequence[Document], registries: Collection[str]) -> Iterator[Mistake]:
    """Every clash between the dynamic lists, and in each."""
    images = ((file, ("image",), file.values.get("image")) for file in lists)
    yield from _repeated(images, partial(listed_image, registries=registries))
    for file in lists:
        yield from _repeated(_items(file, "manifests"), _all_of_it)


def _identities(document: Document) -> Iterator[Mistake]:
    for _, path, client in _items(document, "clients"):
        identity = {"user", "password_hash", "network"}.intersection(_mapping(client))
        wrong = _WRONG_IDENTITIES.get(frozenset(identity))
        if wrong and isinstance(client, dict):
            yield Mistake(document.place(path), path, *wrong)
        for key in () if "user" in identity else _OF_USERS:
            if key in _mapping(client):
                below = (*path, key)
                expected = "it beside user and password_hash"
                yield Mistake(document.place(below), below, "this key without user", expected)


def _for_everybody(document: Document, path: KeyPath, variants: object) -> Iterator[Mistake]:
    """A mistake for each variant that is for no machine type more than for another."""
    for _, here, variant in _listed(document, path, variants):
        if isinstance(variant, dict) and not (variant.get("features") or "platform" in variant):
            expected = "one of them: without, it is for everybody, as the tag itself is"
            yield Mistake(document.place(here), here, "neither features nor platform", expected)


def _repeated(written: _Written, read: Callable[[Any], Hashable]) -> Iterator[Mistake]:
    """A mistake for each value that means the same as one before; those that mean none are not."""
    first: dict[Hashable, tuple[Document, KeyPath]] = {}
    for document, path, word in written:
        here = (document, path)
        try:
            before = first.setdefault(read(word), here)
        except UnexpectedValueError:
            continue
        if before is not here:
            found = f"{_called(word)} again (first in {before[0].place(before[1])})"
            yield Mistake(document.place(path), path, found, "it once")


def _called(word: object) -> str:
    return shown(word) if isinstance(word, str) else "the same"


def _as_written(word: object) -> str:
    return text(word, "a text")


def _all_of_it(written: object) -> Hashable:
    """The same for mappings that say the same, in whatever order."""
    if not isinstance(written, dict):
        raise UnexpectedValueError(shown(written), "a mapping")
    return _alike(written)


def _alike(written: object) -> Hashable:
    if isinstance(written, dict):
        return frozenset((key, _alike(value)) for key, value in written.items())
    if isinstance(written, list):
        return frozenset(str(feature).lower().replace("=", ":") for feature in written)
    return str(written)


def _keys(document: Document, name: str) -> _Written:
    for key in _mapping(document.values.get(name)):
        yield document, (name, key), key


def _items(document: Document, name: str) -> _Written:
    return _listed(document, (name,), document.values.get(name))


def _listed(document: Document, path: KeyPath, items: object) -> _Written:
    for position, item in enumerate(items if isinstance(items, list) else ()):
        yield document, (*path, position), item


def _in_items(document: Document, name: str, key: str) -> _Written:
    for _, path, item in _items(document, name):
        if key in _mapping(item):
            yield document, (*path, key), item[key]


def _mapping(written: Any) -> dict[str, Any]:
    return written if isinstance(written, dict) else {}
