"""What variants and dynamic lists become."""

from pathlib import Path

import pytest

from metahub.core.distribution import ImageName, Tag
from metahub.core.feature import Feature
from metahub.core.machine import Platform
from metahub.core.policy import AnswerWith
from metahub.core.variant import Variant
from metahub.rules import Rules, read_rules
from tests.rules.written import read, whole, write

BENCH = ImageName("docker.io", "qnib/bench")
AMD64 = Platform("linux", "amd64")
RULES = whole("features: {cpu: {kind: microarchitecture}}")
LIST = """\
# The list of the talk.
image: docker.io/qnib/bench
manifests:
  - image: docker.io/qnib/bench:cpu-broadwell
    platform: {architecture: amd64, os: linux, features: ["cpu-broadwell"]}
  - image: docker.io/qnib/bench:v3
    platform: {architecture: x86_64, os: linux, variant: V3}
  - image: docker.io/qnib/bench:v1
    platform: {architecture: amd64, os: linux, variant: v1}
  - image: docker.io/qnib/bench:arm
    platform: {architecture: arm, os: linux, variant: v6, features: [gpu]}
  - image: docker.io/qnib/bench:any
"""


def listed(tmp_path: Path, *lists: str) -> Rules:
    """Rules and dynamic lists, each in a file of its own."""
    files = {f"{number}.yaml": text for number, text in enumerate((*lists, RULES))}
    return read_rules(write(tmp_path / "rules", files))


def cpu(value: str) -> frozenset[Feature]:
    """A CPU that is required."""
    return frozenset({Feature("cpu", value)})


def test_variants_are_read(tmp_path: Path) -> None:
    """With the features by the keys of the rules, and the platform in its one spelling."""
    rules = read(
        tmp_path,
        """features: {gpu: {}}
images:
  - match: docker.io/qnib/*
    answer: manifest
    variants:
      - {tag: "{tag}-gpu", features: [GPU-nvidia], platform: linux/x86_64}
      - {tag: "arm.{tag}", platform: linux/aarch64}
  - {match: docker.io/*}
""",
    )
    policy = rules.terms(BENCH, rules.machine_types["type1"], Tag("1")).policy
    assert policy.answer is AnswerWith.MANIFEST
    assert policy.variants == (
        Variant("{tag}-gpu", frozenset({Feature("gpu", "nvidia")}), AMD64),
        Variant("arm.{tag}", frozenset(), Platform("linux", "arm64")),
    )
    other = rules.terms(ImageName("docker.io", "x"), rules.machine_types["type1"], Tag("1")).policy
    assert (other.answer, other.variants) == (AnswerWith.INDEX, ())


def test_a_list_is_read(tmp_path: Path) -> None:
    """Its tag is latest where it names none; a level of amd64 is a feature, and Arm's is not."""
    rules = listed(tmp_path, LIST)
    assert rules.lists == {
        (BENCH, Tag("latest")): (
            Variant("cpu-broadwell", cpu("broadwell"), AMD64),
            Variant("v3", cpu("x86_64_v3"), AMD64),
            Variant("v1", frozenset(), AMD64),
            Variant("arm", frozenset({Feature("", "gpu")}), Platform("linux", "arm", "v6")),
            Variant("any", frozenset()),
        )
    }


@pytest.mark.parametrize(
    ("image", "tag", "tags"),
    [
        (BENCH, "latest", ["a"]),
        (BENCH, "v2", ["b"]),
        (BENCH, "v3", ["{tag}-gpu"]),
        (ImageName("ghcr.io", "qnib/bench"), "latest", []),
        (ImageName("ghcr.io", "qnib/bench"), "Tip", ["c"]),
    ],
)
def test_a_list_is_for_one_tag(tmp_path: Path, image: ImageName, tag: str, tags: list[str]) -> None:
    """And beats the variants that a rule has for all of them."""
    rules = read_rules(
        write(
            tmp_path / "rules",
            {
                "a.yaml": "image: docker.io/qnib/bench\n"
                "manifests: [{image: docker.io/qnib/bench:a}]",
                "b.yaml": "image: docker.io/qnib/bench:v2\n"
                "manifests: [{image: Docker.io/qnib/bench:b}]",
                "c.yaml": whole(
                    "images: [{match: docker.io/*, variants: [{tag: '{tag}-gpu', features: [x]}]}]"
                ),
                "d.yaml": "image: ghcr.io/qnib/bench:Tip\n"
                "manifests: [{image: ghcr.io/qnib/bench:c}]",
            },
        )
    )
    policy = rules.terms(image, rules.machine_types["type1"], Tag(tag)).policy
    assert [variant.tag for variant in policy.variants] == tags


def test_an_ipv6_registry_is_one_however_it_is_written(tmp_path: Path) -> None:
    """Requests name it in its one spelling."""
    files = {
        "a.yaml": whole('registries: ["[2001:db8::1]:5000"]'),
        "b.yaml": 'image: "[2001:0db8::1]:5000/bench"\n'
        'manifests: [{image: "[2001:DB8::1]:5000/bench:a"}]',
    }
    rules = read_rules(write(tmp_path / "rules", files))
    assert list(rules.lists) == [(ImageName("[2001:db8::1]:5000", "bench"), Tag("latest"))]


def test_lists_are_counted(tmp_path: Path) -> None:
    """Where there are any."""
    other = LIST.replace("qnib/bench", "qnib/other")
    assert str(listed(tmp_path, LIST)).endswith(", 0 image rules, 1 dynamic list")
    assert str(listed(tmp_path, LIST, other)).endswith(", 0 image rules, 2 dynamic lists")
