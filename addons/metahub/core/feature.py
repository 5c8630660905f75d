"""Features, and the vocabulary that the rules make of their keys.

Knows how a feature is spelt and when one satisfies another. Must not know indexes or machine types.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import total_ordering

from metahub.core.kind import KINDS, Kind

BARE = ""
"""The key of a feature that is a bare word."""


@dataclass(frozen=True, slots=True, order=True)
class Feature:
    """`key:value`, or a bare word, whose key is `BARE`. Always lower case."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key}:{self.value}" if self.key else self.value


@dataclass(frozen=True, slots=True)
class FeatureKey:
    """A key that the rules know: how its values compare, and which annotation may state them."""

    name: str
    kind: Kind = KINDS["exact"]
    annotation: str | None = None


class Vocabulary:
    """The keys that the rules know, in the order of preference between them.

    Keys that only machine types use come after those that `features` lists; bare words are last.
    """

    __slots__ = ("_by_name", "_longest_first", "keys")

    def __init__(self, listed: Iterable[FeatureKey] = (), used: Collection[str] = ()) -> None:
        by_name = {key.name: key for key in listed}
        for name in sorted(set(used) - {BARE}):
            by_name.setdefault(name, FeatureKey(name))
        self._longest_first = sorted(by_name, key=len, reverse=True)
        by_name[BARE] = FeatureKey(BARE)
        self._by_name = by_name
        self.keys = tuple(by_name.values())

    def parse(self, text: str) -> Feature:
        """Read a feature in any spelling: `a:b`, `a=b`; for a known key `a-b`, `a_b` too."""
        word = text.strip().lower()
        key, value = _split_at_separator(word) or self._split_at_known_key(word) or (BARE, word)
        return Feature(key, value)

    def lacking(
        self, requires: Iterable[Feature], offers: Collection[Feature]
    ) -> tuple[Feature, ...]:
        """What of `requires` nothing in `offers` satisfies, in the order of their text."""
        return tuple(
            required
            for required in sorted(requires)
            if not any(self.satisfies(offered, required) for offered in offers)
        )

    def satisfies(self, offered: Feature, required: Feature) -> bool:
        """True if `offered` is of the key of `required`, and its value is good enough."""
        return offered.key == required.key and self._kind(required.key).satisfies(
            offered.value, required.value
        )

    def preference(self, requires: Collection[Feature]) -> "Preference":
        """The place of a build among those that fit one machine."""
        return Preference(
            tuple(self._closeness(requires, key) for key in self.keys), tuple(sorted(requires))
        )

    def _closeness(self, requires: Iterable[Feature], key: FeatureKey) -> "Closeness":
        values = (feature.value for feature in requires if feature.key == key.name)
        return tuple(sorted(map(key.kind.closeness, values), reverse=True))

    def _kind(self, key: str) -> Kind:
        known = self._by_name.get(key)
        return known.kind if known else KINDS["exact"]

    def _split_at_known_key(self, word: str) -> tuple[str, str] | None:
        """The longest key counts: `gpu-driver-550` is of `gpu-driver`, and not of `gpu`."""
        for key in self._longest_first:
            if word.startswith((f"{key}-", f"{key}_")) and len(word) > len(key) + 1:
                return key, word[len(key) + 1 :]
        return None


_SEPARATOR = re.compile("[:=]")


def _split_at_separator(word: str) -> tuple[str, str] | None:
    key, *rest = (part.strip() for part in _SEPARATOR.split(word, maxsplit=1))
    return (key, rest[0]) if key and rest and rest[0] else None


type Closeness = tuple[tuple[int, ...], ...]


@total_ordering
@dataclass(frozen=True, slots=True)
class Preference:
    """Sorts builds, the closest first: key by key in the rules' order, any value before none.

    Where two come equally close (targets on two branches of archspec's graph), their text decides,
    so that the order in which upstream lists them does not.
    """

    closeness: tuple[Closeness, ...]
    text: tuple[Feature, ...]

    def __lt__(self, other: "Preference") -> bool:
        if self.closeness != other.closeness:
            return self.closeness > other.closeness
        return self.text < other.text
