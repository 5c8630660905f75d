"""What was found on a machine, and what cannot be known of it.

Knows features and where they come from. Must not know how anything is found.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from metahub.core.feature import Feature
from metahub.core.machine import Platform

# What a feature may be made of, so that it means the same in the rules, in a tag and in a label.
_BETWEEN_WORDS = re.compile(r"[^a-z0-9.+_]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found, the features that it becomes, and where it was read."""

    subject: str
    found: str
    source: str
    features: tuple[Feature, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that is left out, because it cannot be known, and why."""

    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class Detection:
    """All that is known of a machine."""

    findings: tuple[Finding, ...]
    unknowns: tuple[Unknown, ...] = ()
    platform: Platform | None = None

    @classmethod
    def of(cls, told: Iterable[Finding | Unknown], platform: Platform | None) -> Self:
        """Sort out what is known and what is not, each in the order in which it was told."""
        all_told = tuple(told)
        return cls(
            tuple(one for one in all_told if isinstance(one, Finding)),
            tuple(one for one in all_told if isinstance(one, Unknown)),
            platform,
        )

    @property
    def features(self) -> tuple[Feature, ...]:
        """What the machine offers, each once, in the order in which it was found."""
        offered = (one for found in self.findings for one in found.features if one.value)
        return tuple(dict.fromkeys(offered))


def feature(key: str, text: object) -> Feature:
    """The feature of a key for what a machine says in its own words: `Tesla M60` is `tesla-m60`."""
    return Feature(key, _BETWEEN_WORDS.sub("-", str(text).lower()).strip("-"))
