"""What an entry requires, from every place in which it can say so."""

from typing import Any

import pytest

from metahub.core.distribution import OCI_INDEX
from metahub.core.index import parse_index
from metahub.core.requirement import required_features
from tests.core.indexes import VOCABULARY, annotated, as_bytes, entry, index


def required(made: dict[str, Any]) -> list[str]:
    """The features that the entry requires, as text."""
    [parsed] = parse_index(as_bytes(index(made)), OCI_INDEX).entries
    return sorted(map(str, required_features(parsed, VOCABULARY)))


LISTED: dict[str, Any] = {"os.features": ["avx2", "cpu-haswell"]}


@pytest.mark.parametrize(
    ("made", "features"),
    [
        (entry("a", "cpu:broadwell", "nvcap-5.2"), ["cpu:broadwell", "nvcap:5.2"]),
        (entry("a", "cpu:broadwell", "CPU=broadwell", "cpu_broadwell"), ["cpu:broadwell"]),
        (entry("a", **LISTED), ["avx2", "cpu:haswell"]),
        (entry("a", platform="Linux/arm64", **LISTED), ["avx2", "cpu:haswell"]),
        (entry("a", platform="linux/amd64/v2"), ["cpu:x86_64_v2"]),
        (entry("a", platform="linux/amd64/V3"), ["cpu:x86_64_v3"]),
        (entry("a", platform="linux/x86_64/v4"), ["cpu:x86_64_v4"]),
        (entry("a", platform="windows/amd64/v2"), ["cpu:x86_64_v2"]),
        (entry("a", "cpu:haswell", platform="linux/amd64/v3"), ["cpu:haswell", "cpu:x86_64_v3"]),
        (annotated(entry("a"), org_metahub_features="cpu:zen4,net:ib"), ["cpu:zen4", "net:ib"]),
        (annotated(entry("a"), org_metahub_features="cpu:zen4 net:ib"), ["cpu:zen4", "net:ib"]),
        (
            annotated(entry("a"), org_metahub_features=" ,cpu=zen4 ,\n net-ib,"),
            ["cpu:zen4", "net:ib"],
        ),
        (annotated(entry("a"), com_example_driver=" 550.54 "), ["driver:550.54"]),
        (
            annotated(entry("a", "driver:535"), com_example_driver="550"),
            ["driver:535", "driver:550"],
        ),
    ],
)
def test_an_entry_requires(made: dict[str, Any], features: list[str]) -> None:
    """All that any of its fields and annotations says."""
    assert required(made) == features


@pytest.mark.parametrize(
    "made",
    [
        entry("a"),
        entry("a", features=[]),
        entry("a", features=["", " \t"]),
        entry("a", features=None),
        entry("a", platform="linux/amd64/v1"),
        entry("a", platform="linux/amd64/"),
        entry("a", platform="linux/arm/v6"),
        entry("a", platform="linux/arm64/v9"),
        entry("a", platform="windows/amd64", **{"os.features": ["win32k"]}),
        annotated(entry("a"), org_metahub_features=" , "),
        annotated(entry("a"), com_example_driver=" "),
        annotated(entry("a"), org_example_features="cpu:zen4"),
        annotated(entry("a"), org_opencontainers_image_title="cpu:zen4"),
    ],
)
def test_an_entry_requires_nothing(made: dict[str, Any]) -> None:
    """The variant of Arm is part of the platform, and Windows has features of its own."""
    assert required(made) == []


def test_an_entry_without_a_platform_has_its_annotations_only() -> None:
    """There is no place for more."""
    made = annotated(entry("a"), org_metahub_features="cpu:zen4")
    del made["platform"]
    assert required(made) == ["cpu:zen4"]
