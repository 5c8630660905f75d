"""Builds that have tags of their own, where nobody published an index of them.

Knows which of them fit a machine type, the best first. Must not know whether they exist.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from metahub.core.distribution import Tag
from metahub.core.feature import Feature, Vocabulary
from metahub.core.machine import MachineType, Platform

ASKED = "{tag}"
"""Stands in the tag of a variant for the tag that is asked for."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A build under a tag of its own: `{tag}-gpu` for whoever offers `gpu:nvidia`."""

    tag: str
    requires: frozenset[Feature]
    platform: Platform | None = None

    def of(self, asked: Tag) -> Tag | None:
        """The tag of this variant; None where that would be none, because it is too long."""
        try:
            return Tag.parse(self.tag.replace(ASKED, asked.name))
        except ValueError:
            return None

    def fits(self, machine_type: MachineType, vocabulary: Vocabulary) -> bool:
        """True if the machine type is of this platform, and offers all that is required."""
        mine, theirs = self.platform, machine_type.platform
        return (not mine or not theirs or theirs.covers(mine)) and not vocabulary.lacking(
            self.requires, machine_type.features
        )


def best_first(
    variants: Iterable[Variant], machine_type: MachineType, vocabulary: Vocabulary
) -> list[Variant]:
    """The variants that fit, the closest first; equals in the rules' order."""
    fitting = [variant for variant in variants if variant.fits(machine_type, vocabulary)]
    return sorted(fitting, key=lambda variant: vocabulary.preference(variant.requires))
