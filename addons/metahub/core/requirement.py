"""What an entry requires of a machine, from every place in which it can say so.

Knows the fields and annotations that state requirements. Must not know what any machine offers.
"""

import re

from metahub.core.feature import Feature, Vocabulary
from metahub.core.index import Entry

FEATURES_ANNOTATION = "org.metahub.features"
"""The annotation in which an entry lists features, with commas or spaces between them."""

_LIST_SEPARATORS = re.compile(r"[,\s]+")


def required_features(entry: Entry, vocabulary: Vocabulary) -> frozenset[Feature]:
    """All the features that `entry` requires; none for an entry that runs on its whole platform."""
    architecture = entry.platform.architecture if entry.platform else ""
    return frozenset(
        _listed(entry, vocabulary)
        | from_variant(architecture, entry.variant)
        | _from_annotations(entry, vocabulary)
    )


def _listed(entry: Entry, vocabulary: Vocabulary) -> set[Feature]:
    annotated = entry.annotations.get(FEATURES_ANNOTATION, "")
    words = [*entry.features, *_LIST_SEPARATORS.split(annotated)]
    if entry.platform and entry.platform.os == "linux":
        words += entry.os_features
    return {vocabulary.parse(word) for word in words if word.strip()}


def from_variant(architecture: str, variant: str) -> set[Feature]:
    """What the variant of a platform requires; the Arm variant belongs to the platform itself.

    amd64 variants are the levels of the x86-64 psABI, which archspec knows as targets.
    https://gitlab.com/x86-psABIs/x86-64-ABI
    """
    level = variant.strip().lower()
    if architecture != "amd64" or level in ("", "v1"):
        return set()
    return {Feature("cpu", f"x86_64_{level}")}


def _from_annotations(entry: Entry, vocabulary: Vocabulary) -> set[Feature]:
    stated = {
        key.name: entry.annotations.get(key.annotation, "").strip().lower()
        for key in vocabulary.keys
        if key.annotation
    }
    return {Feature(key, value) for key, value in stated.items() if value}
