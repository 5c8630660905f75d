"""What is wrong with the rules, as values that print as one sentence each.

Knows how a place, a value and a near miss are worded. Must not know what rules mean.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

type KeyPath = tuple[str | int, ...]
"""The way to a value: keys of mappings and positions in lists."""

MAX_SHOWN = 100
"""Ours: more mistakes than anybody reads at once. One slip can be thousands of them."""

_NEAR = 0.6  # difflib's own cutoff for a close match
_SHORTEST_BEGINNING = 3  # characters of a name that stand for all of it
_LONGEST_SHOWN = 80  # characters of a value
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, counted from 1; 0 stands for the file as a whole."""

    file: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong. `found` and `expected` are phrases, never a secret."""

    place: Place
    path: KeyPath
    found: str
    expected: str
    did_you_mean: str = ""

    def __str__(self) -> str:
        sentence = f"found {self.found}, expected {self.expected}"
        return _told(self.place, self.path, sentence, self.did_you_mean)


@dataclass(frozen=True, slots=True)
class RulesWarning:
    """One thing that is legal, and surely not meant."""

    place: Place
    path: KeyPath
    sentence: str
    did_you_mean: str = ""

    def __str__(self) -> str:
        return _told(self.place, self.path, self.sentence, self.did_you_mean)


def _told(place: Place, path: KeyPath, sentence: str, did_you_mean: str) -> str:
    told = ": ".join(part for part in (str(place), path_text(path), sentence) if part)
    return f"{told}; did you mean {did_you_mean}?" if did_you_mean else told


class RulesError(Exception):
    """Rules that cannot be taken. Prints as one line for each mistake, of the first MAX_SHOWN."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: mistake.place))
        super().__init__("\n".join([*map(str, self.mistakes[:MAX_SHOWN]), *untold(self.mistakes)]))


def untold(found: Collection[object]) -> tuple[str, ...]:
    """A line that stands for all that are found behind the first MAX_SHOWN, if there are any."""
    more = len(found) - MAX_SHOWN
    return (f"… and {more} more",) if more > 0 else ()


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A plain word that YAML does not take for text: `5.2`, `on`, `2024-01-01`."""

    word: str
    kind: str

    def __str__(self) -> str:
        return f"the {self.kind} {shortened(self.word)}"


def path_text(path: KeyPath) -> str:
    """`clients[1].machine_type`; a key that would read as a path of its own stands in brackets."""
    return "".join(map(_step, path)).removeprefix(".")


def _step(step: str | int) -> str:
    plain = isinstance(step, str) and _PLAIN_KEY.fullmatch(step)
    return f".{shortened(str(step))}" if plain else f"[{shown(step)}]"


def shown(value: object) -> str:
    """A value of the rules in a sentence."""
    return repr(shortened(value)) if isinstance(value, str) else kind_of(value)


def kind_of(value: object) -> str:
    """What a value is, without showing a text, which may be a password that stands astray."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "a text" if isinstance(value, str) else str(value)


def quoted(suggestion: str) -> str:
    """A suggestion as a sentence shows it; nothing if there is none."""
    return shown(suggestion) if suggestion else ""


def shortened(text: str) -> str:
    """`text`, cut to what a sentence can bear."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of `known` that `word` is likely a slip of; the empty text if none is near."""
    rated = [(_likeness(word, name), name) for name in known]
    likeness, name = max(rated, key=lambda pair: pair[0], default=(0.0, ""))
    return name if likeness >= _NEAR else ""


def _likeness(word: str, name: str) -> float:
    word, name = word.lower(), name.lower()
    if len(word) >= _SHORTEST_BEGINNING and name.startswith(word):
        return 1.0
    matcher = SequenceMatcher(None, word, name)
    at_most = min(matcher.real_quick_ratio(), matcher.quick_ratio())
    return matcher.ratio() if at_most >= _NEAR else at_most


def listed(names: Collection[str], limit: int = 4) -> str:
    """Names for a sentence: `type1, type2, …`."""
    some = ", ".join(list(names)[:limit])
    return f"{some}, …" if len(names) > limit else some
