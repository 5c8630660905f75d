"""entries x machine type -> selection, with a reason for each.

Knows what fits and what is best. Must not know bytes, HTTP, or what is done with the answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metahub.core.distribution import one_line
from metahub.core.feature import Feature, Vocabulary
from metahub.core.index import Entry, Index
from metahub.core.machine import MachineType, Platform
from metahub.core.policy import Choose
from metahub.core.requirement import required_features

_MAX_QUOTED_BYTES = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one entry, and why."""

    entry: Entry
    requires: tuple[Feature, ...]
    lacks: tuple[Feature, ...]
    """What of it the machine type does not offer."""
    stays: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries stay and why each other one went."""

    verdicts: tuple[Verdict, ...]
    """One for each entry, in upstream's order."""
    kept: tuple[Entry, ...]
    """The entries that stay, in the order in which they are served."""
    left_alone: str = ""
    """Why there was nothing to decide, if there was not."""

    @property
    def fits(self) -> bool:
        """True if something is left that a client can choose."""
        return any(entry.is_image for entry in self.kept)


@dataclass(frozen=True, slots=True)
class _Build:
    """An image among the entries, and how it compares with the machine type."""

    position: int
    entry: Entry
    platform: Platform
    requires: frozenset[Feature]
    lacks: tuple[Feature, ...]


type _Reasons = dict[int, str]
"""Why entries go, by their position."""


def select(
    index: Index, machine_type: MachineType, vocabulary: Vocabulary, choose: Choose = Choose.BEST
) -> Selection:
    """Decide which entries of `index` a machine of `machine_type` is to see."""
    builds = _builds(index, machine_type, vocabulary)
    left_alone = _nothing_to_decide(index, builds, machine_type)
    if left_alone:
        return Selection(_verdicts(index, builds, {}, left_alone), index.entries, left_alone)
    goes = _of_other_platforms(builds, machine_type)
    goes |= _unfit(_without(goes, builds), machine_type, choose)
    if choose is Choose.BEST:
        goes |= _farther(_without(goes, builds), vocabulary)
    goes |= _attestations(index, builds, _without(goes, builds))
    kept = [position for position in range(len(index.entries)) if position not in goes]
    if choose is Choose.ALL:
        kept = _best_first(kept, builds, vocabulary)
    verdicts = _verdicts(index, builds, goes, "fits")
    return Selection(verdicts, tuple(index.entries[position] for position in kept))


def _builds(index: Index, machine_type: MachineType, vocabulary: Vocabulary) -> tuple[_Build, ...]:
    found = []
    for position, entry in enumerate(index.entries):
        if entry.is_image and entry.platform:
            requires = required_features(entry, vocabulary)
            lacks = vocabulary.lacking(requires, machine_type.features)
            found.append(_Build(position, entry, entry.platform, requires, lacks))
    return tuple(found)


def _nothing_to_decide(index: Index, builds: Sequence[_Build], machine_type: MachineType) -> str:
    platform = machine_type.platform
    if index.is_about_an_image:
        return "the index says of which image it is an artifact"
    if not builds:
        return "the index holds no image"
    if platform and not any(platform.covers(build.platform) for build in builds):
        return f"nothing in the index is for {platform}"
    if not platform and not any(build.requires for build in builds):
        return "nothing in the index requires anything"
    return ""


def _without(goes: _Reasons, builds: Iterable[_Build]) -> list[_Build]:
    return [build for build in builds if build.position not in goes]


def _of_other_platforms(builds: Iterable[_Build], machine_type: MachineType) -> _Reasons:
    platform = machine_type.platform
    if platform is None:
        return {}
    return {
        build.position: f"is for {_short(build.platform)}, and {machine_type.name} is {platform}"
        for build in builds
        if not platform.covers(build.platform)
    }


def _unfit(builds: Iterable[_Build], machine_type: MachineType, choose: Choose) -> _Reasons:
    if choose is Choose.EXACT:
        return _not_exact(builds, machine_type)
    return {
        build.position: f"requires {_listed(build.lacks)}, which {machine_type.name} does not offer"
        for build in builds
        if build.lacks
    }


def _not_exact(builds: Iterable[_Build], machine_type: MachineType) -> _Reasons:
    wanted = f"exactly {_listed(machine_type.features)} is asked for"
    return {
        build.position: f"requires {_listed(build.requires)}, and {wanted}"
        for build in builds
        if build.requires != machine_type.features
    }


def _farther(builds: Iterable[_Build], vocabulary: Vocabulary) -> _Reasons:
    """All but the best of each platform. Builds that require the same tie, and stay together."""
    rivals: defaultdict[Platform, list[_Build]] = defaultdict(list)
    for build in builds:
        rivals[build.platform].append(build)
    best = {
        platform: min({build.requires for build in group}, key=vocabulary.preference)
        for platform, group in rivals.items()
    }
    return {
        build.position: f"fits, but one that requires {_listed(best[build.platform])} is closer"
        for build in builds
        if build.requires != best[build.platform]
    }


def _attestations(index: Index, builds: Iterable[_Build], staying: Iterable[_Build]) -> _Reasons:
    """Attestations live and die with the manifest that they speak of."""
    gone = {build.entry.digest for build in builds} - {build.entry.digest for build in staying}
    return {
        position: f"speaks of {entry.attests.short}, which goes"
        for position, entry in enumerate(index.entries)
        if entry.attests in gone
    }


def _best_first(kept: Iterable[int], builds: Iterable[_Build], vocabulary: Vocabulary) -> list[int]:
    """The builds by preference, then what is no build; equals in upstream's order."""
    by_position = {build.position: build for build in builds}
    chosen = [position for position in kept if position in by_position]
    chosen.sort(key=lambda position: vocabulary.preference(by_position[position].requires))
    return chosen + [position for position in kept if position not in by_position]


def _verdicts(
    index: Index, builds: Iterable[_Build], goes: _Reasons, why_builds_stay: str
) -> tuple[Verdict, ...]:
    by_position = {build.position: build for build in builds}
    return tuple(
        _verdict(entry, by_position.get(position), goes.get(position), why_builds_stay)
        for position, entry in enumerate(index.entries)
    )


def _verdict(entry: Entry, build: _Build | None, goes: str | None, why_builds_stay: str) -> Verdict:
    if build is None:
        return Verdict(entry, (), (), goes is None, goes or _why_it_stays(entry))
    requires = tuple(sorted(build.requires))
    return Verdict(entry, requires, build.lacks, goes is None, goes or why_builds_stay)


def _why_it_stays(entry: Entry) -> str:
    if entry.attests is not None:
        return f"speaks of {entry.attests.short}"
    return "is no image that a client chooses"


def _listed(features: Iterable[Feature]) -> str:
    """Features for a sentence: `cpu:broadwell and nvcap:5.2`."""
    return _short(" and ".join(str(feature) for feature in sorted(features))) or "nothing"


def _short(text: object) -> str:
    """What upstream wrote, fit for a log and a terminal, whatever it is."""
    return one_line(str(text), _MAX_QUOTED_BYTES)
