"""Variants: which tags are asked for, and in what order."""

import pytest

from metahub.core.distribution import Tag
from metahub.core.feature import FeatureKey, Vocabulary
from metahub.core.kind import KINDS
from metahub.core.machine import MachineType, Platform
from metahub.core.policy import Policy
from metahub.core.rewrite import Terms, tags_to_try
from metahub.core.variant import Variant, best_first

VOCABULARY = Vocabulary(
    [
        FeatureKey("nvcap", KINDS["cuda_capability"]),
        FeatureKey("cpu", KINDS["microarchitecture"]),
    ],
    {"gpu"},
)
ARM = Platform("linux", "arm64")
AMD64 = Platform("linux", "amd64")


def variant(tag: str, *features: str, platform: Platform | None = None) -> Variant:
    """A variant that requires these features."""
    return Variant(tag, frozenset(map(VOCABULARY.parse, features)), platform)


def machine(*features: str, platform: Platform | None = AMD64) -> MachineType:
    """A machine type that offers these features."""
    return MachineType("type1", frozenset(map(VOCABULARY.parse, features)), platform)


@pytest.mark.parametrize(
    ("tag", "asked", "becomes"),
    [
        ("{tag}-gpu", "1.0", "1.0-gpu"),
        ("gpu-{tag}", "latest", "gpu-latest"),
        ("{tag}-{tag}", "a", "a-a"),
        ("generic", "latest", "generic"),
        ("{tag}-gpu", "t" * 124, "t" * 124 + "-gpu"),
    ],
)
def test_a_variant_has_a_tag_for_the_one_that_is_asked_for(
    tag: str, asked: str, becomes: str
) -> None:
    """Which is put in where the rules leave room for it."""
    assert variant(tag).of(Tag(asked)) == Tag(becomes)


@pytest.mark.parametrize(
    ("tag", "asked"), [("{tag}-gpu", "t" * 125), ("{tag}{tag}", "t" * 65), ("-{tag}", "a")]
)
def test_a_variant_may_have_no_tag(tag: str, asked: str) -> None:
    """One of more than 128 characters is none."""
    assert variant(tag).of(Tag(asked)) is None


@pytest.mark.parametrize(
    ("build", "machine_type"),
    [
        (variant("t"), machine()),
        (variant("t", platform=AMD64), machine()),
        (variant("t", platform=AMD64), machine(platform=None)),
        (variant("t"), machine(platform=None)),
        (variant("t", "cpu:haswell"), machine("cpu:skylake")),
        (variant("t", "cpu:haswell", "gpu:nvidia"), machine("gpu:nvidia", "cpu:haswell", "more")),
        (
            variant("t", platform=Platform("linux", "arm", "v6")),
            machine(platform=Platform("linux", "arm")),
        ),
    ],
)
def test_a_variant_fits(build: Variant, machine_type: MachineType) -> None:
    """All that is required is offered, and no other platform is stated."""
    assert build.fits(machine_type, VOCABULARY)


@pytest.mark.parametrize(
    ("build", "machine_type"),
    [
        (variant("t", platform=ARM), machine()),
        (variant("t", "cpu:skylake", platform=AMD64), machine("cpu:skylake", platform=ARM)),
        (variant("t", "cpu:skylake"), machine("cpu:haswell")),
        (variant("t", "cpu:haswell", "gpu:nvidia"), machine("cpu:haswell")),
        (variant("t", "word"), machine()),
        (
            variant("t", platform=Platform("linux", "arm")),
            machine(platform=Platform("linux", "arm", "v6")),
        ),
    ],
)
def test_a_variant_does_not_fit(build: Variant, machine_type: MachineType) -> None:
    """What a machine type does not state, it does not have."""
    assert not build.fits(machine_type, VOCABULARY)


BUILDS = (
    variant("{tag}-v3", "cpu:x86_64_v3"),
    variant("{tag}-gpu", "nvcap:5.0", platform=AMD64),
    variant("{tag}-arm", "nvcap:5.2", platform=ARM),
    variant("{tag}-haswell", "cpu:haswell"),
    variant("{tag}-skylake", "cpu:skylake"),
    variant("{tag}-both", "nvcap:5.0", "cpu:haswell"),
    variant("{tag}-avx2", "cpu:x86-64-v3"),
)


@pytest.mark.parametrize(
    ("machine_type", "tags"),
    [
        (machine(), ["1"]),
        (machine("cpu:broadwell"), ["1-haswell", "1-avx2", "1-v3", "1"]),
        (machine("cpu:skylake"), ["1-skylake", "1-haswell", "1-avx2", "1-v3", "1"]),
        (machine("nvcap:5.2"), ["1-gpu", "1"]),
        (machine("nvcap:5.2", platform=None), ["1-arm", "1-gpu", "1"]),
        (machine("nvcap:5.2", platform=ARM), ["1-arm", "1"]),
        (
            machine("cpu:haswell", "nvcap:5.2"),
            ["1-both", "1-gpu", "1-haswell", "1-avx2", "1-v3", "1"],
        ),
    ],
)
def test_the_closest_is_asked_for_first(machine_type: MachineType, tags: list[str]) -> None:
    """Key by key in the rules' order, of those that fit, and the tag itself at last."""
    terms = Terms(machine_type, VOCABULARY, Policy(variants=BUILDS))
    assert [tag.name for tag in tags_to_try(Tag("1"), terms)] == tags


def test_variants_that_come_equally_close_keep_the_order_of_the_rules() -> None:
    """Nothing else tells them apart."""
    builds = [variant(name, "gpu:nvidia") for name in ("b", "c", "a")]
    assert best_first(builds, machine("gpu:nvidia"), VOCABULARY) == builds


@pytest.mark.parametrize(
    ("asked", "tags"),
    [
        ("1", ["1-a", "1"]),
        ("t" * 127, ["t" * 127]),
    ],
)
def test_no_tag_is_asked_for_twice(asked: str, tags: list[str]) -> None:
    """Nor one that is too long."""
    builds = (
        variant("{tag}-a", "gpu:a"),
        variant("{tag}-a", "gpu:b"),
        variant("{tag}", "gpu:c"),
    )
    terms = Terms(machine("gpu:a", "gpu:b"), VOCABULARY, Policy(variants=builds))
    assert [tag.name for tag in tags_to_try(Tag(asked), terms)] == tags


def test_no_variants_leave_the_tag() -> None:
    """As for every image of which the rules say nothing."""
    assert tags_to_try(Tag("1"), Terms(machine(), VOCABULARY)) == (Tag("1"),)
