"""What the operator wants for an image: how to choose, and what to do where nothing fits.

Knows names and patterns. Must not know how the choice is made.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from metahub.core.distribution import ImageName
from metahub.core.variant import Variant


class Choose(StrEnum):
    """Which of the entries that fit stay."""

    BEST = "best"
    EXACT = "exact"
    ALL = "all"


class NoFit(StrEnum):
    """What is answered when no entry fits."""

    DENY = "deny"
    UPSTREAM = "upstream"


class AnswerWith(StrEnum):
    """What stands behind the tag: an index of the entries that stay, or the one manifest itself."""

    INDEX = "index"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class Policy:
    """How one image is chosen. The defaults hold for an image that no rule names."""

    choose: Choose = Choose.BEST
    no_fit: NoFit = NoFit.DENY
    answer: AnswerWith = AnswerWith.INDEX
    variants: tuple[Variant, ...] = ()
    """Tags of its own for some builds, next to the tag that is asked for."""


@dataclass(frozen=True)
class ImageRule:
    """The policy of the images whose name matches: `*` is any number of characters, `?` one."""

    pattern: str
    policy: Policy

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        """An atomic group for each `*` but the last: no name makes the match take long."""
        first, *parts = map(_literally, re.split(r"\*+", self.pattern))
        between = (f"(?>.*?{part})" for part in parts[:-1])
        last = (f".*{part}" for part in parts[-1:])
        return re.compile("".join((first, *between, *last)))

    def matches(self, image: ImageName) -> bool:
        """True if the whole name of `image` matches the pattern."""
        return self._expression.fullmatch(str(image)) is not None


def _literally(part: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in part)


DEFAULT_POLICY = Policy()


def policy_for(image: ImageName, rules: Iterable[ImageRule]) -> Policy:
    """The policy of `image`: that of the first rule that matches."""
    return next((rule.policy for rule in rules if rule.matches(image)), DEFAULT_POLICY)
