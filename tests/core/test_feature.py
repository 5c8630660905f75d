"""Features in every spelling, when one satisfies another, and which build is preferred."""

import pytest

from metahub.core.feature import BARE, Feature, FeatureKey, Vocabulary
from metahub.core.kind import KINDS
from tests.core.indexes import VOCABULARY

WORDY = Vocabulary([FeatureKey("gpu"), FeatureKey("gpu-driver"), FeatureKey("gpu_driver-x")])


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("cpu:broadwell", Feature("cpu", "broadwell")),
        ("cpu=broadwell", Feature("cpu", "broadwell")),
        ("cpu-broadwell", Feature("cpu", "broadwell")),
        ("cpu_broadwell", Feature("cpu", "broadwell")),
        ("CPU:Broadwell", Feature("cpu", "broadwell")),
        (" cpu : broadwell\t", Feature("cpu", "broadwell")),
        ("cpu-skylake_avx512", Feature("cpu", "skylake_avx512")),
        ("cpu:skylake:x=y", Feature("cpu", "skylake:x=y")),
        ("cpu=a:b", Feature("cpu", "a:b")),
        ("nvcap-5.2", Feature("nvcap", "5.2")),
        ("gpu--a", Feature("gpu", "-a")),
        ("fpga:xilinx", Feature("fpga", "xilinx")),
        ("fpga-xilinx", Feature(BARE, "fpga-xilinx")),
        ("cpu-", Feature(BARE, "cpu-")),
        ("cpu:", Feature(BARE, "cpu:")),
        (":broadwell", Feature(BARE, ":broadwell")),
        ("-broadwell", Feature(BARE, "-broadwell")),
        ("cpux-broadwell", Feature(BARE, "cpux-broadwell")),
        ("avx2", Feature(BARE, "avx2")),
        ("AVX 512", Feature(BARE, "avx 512")),
        ("", Feature(BARE, "")),
    ],
)
def test_one_feature_has_many_spellings(text: str, feature: Feature) -> None:
    """A dash parts a key that the rules know from its value; any other is part of a word."""
    assert VOCABULARY.parse(text) == feature


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("gpu-nvidia", Feature("gpu", "nvidia")),
        ("gpu-driver-550", Feature("gpu-driver", "550")),
        ("gpu-driver", Feature("gpu", "driver")),
        ("gpu-driver-", Feature("gpu", "driver-")),
        ("gpu_driver-x_1", Feature("gpu_driver-x", "1")),
        ("gpu_driver-550", Feature("gpu", "driver-550")),
    ],
)
def test_the_longest_known_key_counts(text: str, feature: Feature) -> None:
    """Where one key is the beginning of another."""
    assert WORDY.parse(text) == feature


@pytest.mark.parametrize(
    ("feature", "text"),
    [(Feature("cpu", "broadwell"), "cpu:broadwell"), (Feature(BARE, "avx2"), "avx2")],
)
def test_a_feature_prints_in_one_spelling(feature: Feature, text: str) -> None:
    """A bare word as it is."""
    assert str(feature) == text


@pytest.mark.timeout(10)
@pytest.mark.parametrize("word", ["-" * 2_000_000, "a-" * 1_000_000, "gpu-" * 500_000])
def test_a_long_word_takes_no_longer_than_its_length(word: str) -> None:
    """An index may be 4 MiB of dashes."""
    assert WORDY.parse(word).value.endswith("-")


def test_keys_are_in_the_order_of_the_rules() -> None:
    """Then those that only machine types use, then bare words."""
    vocabulary = Vocabulary([FeatureKey("nvcap"), FeatureKey("cpu")], used={"net", "cpu", "", "fs"})
    assert [key.name for key in vocabulary.keys] == ["nvcap", "cpu", "fs", "net", BARE]


@pytest.mark.parametrize(
    ("offered", "required"),
    [
        ("cpu:skylake", "cpu:broadwell"),
        ("nvcap:5.2", "nvcap:5.0"),
        ("driver:550", "driver:535"),
        ("gpu:nvidia", "GPU=nvidia"),
        ("avx2", "AVX2"),
        ("unknown:1", "unknown:1"),
    ],
)
def test_an_offered_feature_satisfies(offered: str, required: str) -> None:
    """By the kind of their key; where the rules have none, by equality."""
    assert VOCABULARY.satisfies(VOCABULARY.parse(offered), VOCABULARY.parse(required))


@pytest.mark.parametrize(
    ("offered", "required"),
    [
        ("cpu:broadwell", "cpu:skylake"),
        ("cpu:broadwell", "gpu:broadwell"),
        ("cpu:broadwell", "broadwell"),
        ("driver:535", "driver:550"),
        ("gpu:550", "gpu:535"),
        ("unknown:2", "unknown:1"),
        ("avx2", "avx"),
    ],
)
def test_an_offered_feature_does_not_satisfy(offered: str, required: str) -> None:
    """Another key is another thing, whatever its value."""
    assert not VOCABULARY.satisfies(VOCABULARY.parse(offered), VOCABULARY.parse(required))


@pytest.mark.parametrize(
    ("closer", "farther"),
    [
        (["cpu:skylake"], ["cpu:broadwell"]),
        (["cpu:x86_64_v2"], []),
        (["nvcap:5.0"], ["cpu:skylake"]),
        (["nvcap:5.0", "cpu:broadwell"], ["nvcap:5.0"]),
        (["nvcap:5.2"], ["nvcap:5.0", "cpu:skylake"]),
        (["cpu:skylake"], ["driver:550"]),
        (["gpu:nvidia"], ["net:ib", "avx2"]),
        (["net:eth", "net:ib"], ["net:ib"]),
        (["avx2"], []),
        (["cpu:haswell", "cpu:x86_64_v3"], ["cpu:haswell"]),
        (["gpu:amd"], ["gpu:nvidia"]),
    ],
)
def test_builds_are_compared_key_by_key(closer: list[str], farther: list[str]) -> None:
    """In the rules' order: closer before farther, any value before none, then by text."""
    one, other = (
        VOCABULARY.preference(frozenset(map(VOCABULARY.parse, features)))
        for features in (closer, farther)
    )
    assert one < other
    assert other > one
    assert one != other


def test_every_kind_has_its_name_in_the_rules() -> None:
    """As DESIGN.md lists them."""
    assert list(KINDS) == ["exact", "microarchitecture", "minimum", "cuda_capability"]
