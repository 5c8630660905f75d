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


class Patterns:
    """Patterns in the order in which they decide, and which of them hides a later one."""

    def __init__(self) -> None:
        self._by_beginning: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def add(self, pattern: str) -> None:
        """Remember a pattern. One without wildcards matches one name, and hides no other."""
        beginning, *rest = _WILDCARD.split(pattern, maxsplit=1)
        if rest:
            covered = re.compile(_covered_by(_stars_last(pattern)))
            self._by_beginning.setdefault(beginning, []).append((pattern, covered))

    def hiding(self, later: str) -> str | None:
        """A pattern that surely matches all that `later` does; None where none is known to."""
        beginning = _WILDCARD.split(later, maxsplit=1)[0]
        ends = range(len(beginning) + 1)
        near = (self._by_beginning.get(beginning[:end], ()) for end in ends)
        spelt = _stars_last(later)
        covering = (text for some in near for text, covered in some if covered.fullmatch(spelt))
        return next(covering, None)


def _stars_last(pattern: str) -> str:
    """The same pattern with one spelling for `?*`, `*?` and `**`."""
    return _WILDCARDS.sub(lambda run: "?" * run[0].count("?") + "*", pattern)


def _covered_by(pattern: str) -> str:
    """An expression over patterns: a star matches whatever another holds, `?` all but a star.

    Atomic groups, so that no pattern makes the match take long.
    """
    first, *parts = (_one_by_one(part) for part in pattern.split("*"))
    between = (f"(?>.*?{part})" for part in parts[:-1])
    last = (f".*{part}" for part in parts[-1:])
    return "".join((first, *between, *last))


def _one_by_one(part: str) -> str:
    return "".join("[^*]" if character == "?" else re.escape(character) for character in part)


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
