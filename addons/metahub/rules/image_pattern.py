"""Patterns over image names: `docker.io/qnib/*`.

Knows what a pattern can match. Must not know what is decided about an image.
"""

import re
from collections.abc import Collection, Iterator

from metahub.core.registry import DOCKER_HUB
from metahub.rules.mistake import listed, nearest, quoted, shown
from metahub.rules.unexpected import UnexpectedValueError, text

MAX_PATTERN_LENGTH = 512
"""Ours: more than a registry and the longest repository name together."""

EXPECTED = f"a pattern over image names, like {DOCKER_HUB}/qnib/*"

_PATTERN = re.compile(r"[a-z0-9._:/?*\[\]-]+")
_WITH_TAG = re.compile(r"(?P<image>[^/]+/[^:@]+)[:@].*")
_WILDCARD = re.compile(r"[*?]")
_WILDCARDS = re.compile(r"[*?]*\*[*?]*")
_LIKE_A_HOST = re.compile(r"[.:*?]")


def image_pattern(value: object, registries: Collection[str]) -> str:
    """A pattern that can match an image of one of the registries; of any, where none is known.

    Raises UnexpectedValueError.
    """
    pattern = text(value, EXPECTED)
    tagged = _WITH_TAG.fullmatch(pattern)
    if tagged:
        expected = f"{EXPECTED}, without a tag"
        raise UnexpectedValueError(shown(pattern), expected, quoted(tagged["image"]))
    if len(pattern) > MAX_PATTERN_LENGTH or _PATTERN.fullmatch(pattern) is None:
        raise UnexpectedValueError(shown(pattern), EXPECTED, _in_lower_case(pattern))
    if registries and not any(_can_name_image_of(known, pattern) for known in registries):
        expected = f"a pattern that begins with one of the registries ({listed(registries)})"
        raise UnexpectedValueError(shown(pattern), expected, _meant(pattern, registries))
    return pattern


def covers(wider: str, narrower: str) -> bool:
    """True if one pattern surely matches every name that the other does."""
    wider, narrower = _stars_last(wider), _stars_last(narrower)
    if not narrower.startswith(_WILDCARD.split(wider, maxsplit=1)[0]):
        return False
    left = {wider}
    for character in narrower:
        left = {rest for one in left for rest in _after_any(character, one)}
    return any(not rest.strip("*") for rest in left)


def _stars_last(pattern: str) -> str:
    """The same pattern with one spelling for `?*`, `*?` and `**`."""
    return _WILDCARDS.sub(lambda run: "?" * run[0].count("?") + "*", pattern)


def _after_any(character: str, pattern: str) -> Iterator[str]:
    """Like `_after`, for a character of a pattern: only a star can match all that a star does."""
    if character != "*":
        yield from _after(character, pattern)
    elif pattern.startswith("*"):
        yield pattern


def _can_name_image_of(registry: str, pattern: str) -> bool:
    """True if something of the pattern is left when the registry and its slash are matched."""
    left = {pattern}
    for character in f"{registry}/":
        left = {rest for one in left for rest in _after(character, one)}
    return bool(left - {""})


def _after(character: str, pattern: str) -> Iterator[str]:
    """What can be left of the pattern when its beginning has matched a character."""
    if pattern.startswith("*"):
        yield pattern
        yield from _after(character, pattern.lstrip("*"))
    elif pattern[:1] in (character, "?"):
        yield pattern[1:]


def _meant(pattern: str, registries: Collection[str]) -> str:
    """A registry in place of one that is misspelt, or before a name that has none."""
    first, _, rest = pattern.partition("/")
    if not _LIKE_A_HOST.search(first):
        registry = DOCKER_HUB if DOCKER_HUB in registries else next(iter(registries))
        return quoted(f"{registry}/{pattern}")
    registry = nearest(first, registries)
    return quoted(f"{registry}/{rest or '*'}" if registry else "")


def _in_lower_case(pattern: str) -> str:
    lower = pattern.lower()
    return quoted(lower if lower != pattern and _PATTERN.fullmatch(lower) else "")
