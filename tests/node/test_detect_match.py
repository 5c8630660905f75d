"""Which machine type a machine is of, and the machine type that is made of one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from metahub.core.feature import Feature
from metahub.core.machine import Platform
from metahub.node.detect import (
    Detection,
    Finding,
    Match,
    as_yaml,
    detect,
    machine_type_name,
    matches,
)
from metahub.rules import Rules, read_rules
from tests.node.captured import MACHINES, read

RULES = """\
machine_types:
  plain: {}
  arm: {platform: linux/arm64}
  old: {platform: linux/amd64, features: [cpu:haswell]}
  near: {platform: linux/amd64, features: [cpu:broadwell]}
  gpu: {platform: linux/amd64, features: [cpu:broadwell, nvcap:5.2]}
  other: {platform: linux/amd64, features: [cpu:zen2, nvcap:8.0]}
features:
  nvcap: {kind: cuda_capability}
  cpu: {kind: microarchitecture}
registries: [docker.io]
clients: []
"""
AMD64 = Platform.parse("linux/amd64")


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    """Six machine types."""
    return read_text(tmp_path, RULES)


def read_text(directory: Path, text: str) -> Rules:
    """Rules of one file."""
    (directory / "rules.yaml").write_text(text, encoding="utf-8")
    return read_rules(directory)


def machine(*words: str, platform: Platform | None = AMD64) -> Detection:
    """A machine that offers these."""
    features = tuple(Feature(*word.split(":")) for word in words)
    return Detection((Finding("CPU", "a CPU", "", features),), (), platform)


def matched(detection: Detection, rules: Rules) -> tuple[Match, ...]:
    """The machine types of the rules, on a machine."""
    return matches(detection, rules.machine_types.values(), rules.vocabulary)


@pytest.mark.parametrize(
    ("offered", "order"),
    [
        (("cpu:broadwell", "nvcap:5.2"), ["gpu", "near", "old", "plain"]),
        (("cpu:broadwell",), ["near", "old", "plain"]),
        (("cpu:zen2", "nvcap:8.0"), ["other", "plain"]),
        (("cpu:nehalem",), ["plain"]),
    ],
)
def test_the_closest_that_fits_is_first(
    rules: Rules, offered: Sequence[str], order: list[str]
) -> None:
    """By the rules' own preference, and no machine type that states more than is there."""
    found = matched(machine(*offered), rules)
    assert [one.machine_type.name for one in found if one.fits] == order
    assert [one.fits for one in found] == sorted((one.fits for one in found), reverse=True)
    assert len(found) == 6


def test_each_says_why(rules: Rules) -> None:
    """What is lacking, or what is left unsaid."""
    offered = machine("cpu:broadwell", "nvcap:5.2", "memory:64")
    assert {one.machine_type.name: one.reason for one in matched(offered, rules)} == {
        "gpu": "fits, and states all that the machine offers",
        "near": "fits; it does not state nvcap:5.2",
        "old": "fits; it does not state cpu:broadwell, nvcap:5.2",
        "plain": "fits; it does not state cpu:broadwell, nvcap:5.2",
        "other": "the machine does not offer cpu:zen2, nvcap:8.0",
        "arm": "it is linux/arm64, the machine linux/amd64",
    }


def test_of_those_that_do_not_fit_the_nearest_is_first(rules: Rules) -> None:
    """The one with the least to change; another platform is farthest."""

    def nearest(*offered: str) -> list[str]:
        found = matched(machine(*offered), rules)
        return [one.machine_type.name for one in found if not one.fits]

    assert nearest("cpu:nehalem") == ["old", "near", "gpu", "other", "arm"]
    assert nearest("cpu:nehalem", "nvcap:5.2") == ["gpu", "old", "near", "other", "arm"]


def test_where_no_platform_is_known_none_is_wrong(rules: Rules) -> None:
    """Labels may not say it."""
    found = matched(machine("cpu:broadwell", platform=None), rules)
    assert all(one.fits for one in found if one.machine_type.name == "arm")


@pytest.mark.parametrize("name", sorted(file.stem for file in MACHINES.glob("*.txt")))
def test_a_machine_type_is_valid_and_of_its_machine(name: str, tmp_path: Path) -> None:
    """Pasted into rules with the kinds of its comment, it is what the machine is found to be."""
    found = detect(read(name).machine(tmp_path / "root"))
    (tmp_path / "rules").mkdir()
    pasted = as_yaml([(name, found)]).replace("# features:", "features:").replace("#   ", "  ")
    rest = f"clients: [{{network: 10.0.0.0/8, machine_type: {name}}}]\nregistries: [docker.io]\n"
    rules = read_text(tmp_path / "rules", pasted + rest)
    assert rules.warnings == ()
    assert rules.machine_types[name].features == frozenset(found.features)
    assert rules.machine_types[name].platform == found.platform
    (match,) = matched(found, rules)
    assert match.reason == "fits, and states all that the machine offers"


def test_many_machines_are_one_document(tmp_path: Path) -> None:
    """Which the rules take, with every key once."""
    text = as_yaml([("on", machine("cpu:zen")), ("1e3", machine("nvcap:8.0", platform=None))])
    rules = read_text(tmp_path, f"{text}clients: []\nregistries: [docker.io]\n")
    assert list(rules.machine_types) == ["on", "1e3"]
    assert "#   nvcap: {kind: cuda_capability}\n#   cpu: {kind: microarchitecture}\n" in text


def test_a_machine_of_which_nothing_is_known_is_described(tmp_path: Path) -> None:
    """As such, without features and without a comment on them."""
    assert as_yaml([("bare", Detection(()))]) == (
        "# Take out what not every machine of this type has. Where the rules have the key\n"
        "# machine_types already, in whatever file, this goes below it: a key stands there once.\n"
        "machine_types:\n"
        '  "bare":\n'
        '    description: "nothing was found"\n\n'
    )


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("node-1.example.com", "node-1.example.com"),
        ("-weird host\n", "weird-host-"),
        ("…", "machine"),
        ("", "machine"),
    ],
)
def test_a_host_gives_a_name(host: str, name: str) -> None:
    """Which the rules take."""
    assert machine_type_name(host) == name
