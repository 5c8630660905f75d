"""Which of the machine types that the rules describe a machine is of.

Knows what a machine offers and what machine types state. Must not know where either is from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metahub.core.feature import Feature, Preference, Vocabulary
from metahub.core.machine import MachineType
from metahub.node.detect.detection import Detection


@dataclass(frozen=True, slots=True)
class Match:
    """A machine type, and what becomes of it on a machine."""

    machine_type: MachineType
    lacking: tuple[Feature, ...]
    """What it states, and the machine does not offer."""
    unstated: tuple[Feature, ...]
    """What the machine offers of the keys that the rules know, beyond what it states."""
    wrong_platform: str = ""
    """The platform of the machine, if it is another one."""

    @property
    def fits(self) -> bool:
        """True if the machine offers everything that the machine type states."""
        return not self.lacking and not self.wrong_platform

    @property
    def reason(self) -> str:
        """Why it does not fit; if it does, what it leaves unsaid."""
        if self.wrong_platform:
            return f"it is {self.machine_type.platform}, the machine {self.wrong_platform}"
        if self.lacking:
            return f"the machine does not offer {_listed(self.lacking)}"
        if self.unstated:
            return f"fits; it does not state {_listed(self.unstated)}"
        return "fits, and states all that the machine offers"


def matches(
    detection: Detection, machine_types: Iterable[MachineType], vocabulary: Vocabulary
) -> tuple[Match, ...]:
    """Every machine type: those that fit, the closest first; then the others, the nearest first."""
    every = (_match(one, detection, vocabulary) for one in machine_types)
    found = sorted(every, key=lambda match: _preference(match, vocabulary))
    # Of what does not fit the less demanding is the nearer one, as sorting in reverse leaves it.
    others = sorted((one for one in reversed(found) if not one.fits), key=_distance)
    return (*(one for one in found if one.fits), *others)


def _match(machine_type: MachineType, detection: Detection, vocabulary: Vocabulary) -> Match:
    known = {key.name for key in vocabulary.keys}
    offered = [one for one in detection.features if one.key in known]
    return Match(
        machine_type,
        lacking=vocabulary.lacking(machine_type.features, detection.features),
        unstated=vocabulary.lacking(offered, machine_type.features),
        wrong_platform=_wrong_platform(machine_type, detection),
    )


def _wrong_platform(machine_type: MachineType, detection: Detection) -> str:
    stated, own = machine_type.platform, detection.platform
    return str(own) if stated and own and not stated.covers(own) else ""


def _preference(match: Match, vocabulary: Vocabulary) -> tuple[Preference, str]:
    return vocabulary.preference(match.machine_type.features), match.machine_type.name


def _distance(match: Match) -> tuple[bool, int, int]:
    """Another platform is the farthest; then what it lacks counts, and then what it has."""
    stated = len(match.machine_type.features)
    return bool(match.wrong_platform), len(match.lacking), len(match.lacking) - stated


def _listed(features: Sequence[Feature]) -> str:
    return ", ".join(map(str, features))
