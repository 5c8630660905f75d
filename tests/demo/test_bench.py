"""qnib/bench and its table."""

import json

import pytest

from metahub.demo.bench import BUILDS, TABLE, WITHOUT_METAHUB, qnib_bench
from metahub.demo.images import DOCKER, OCI, Format

OPTIMIZED = ">> This container is optimized for: "
NOT_OPTIMIZED = ">> This container is not optimized for a specific microarchitecture"


def test_the_table_is_that_of_the_talk() -> None:
    """Who gets what, as it stands in the README and was shown at ISC 2019."""
    assert [(u.name, u.machine_type, u.description, u.features, u.gets.line) for u in TABLE] == [
        ("qnib-type1", "type1", "Broadwell", ("cpu:broadwell",), OPTIMIZED + "cpu:broadwell"),
        ("qnib-type2", "type2", "Skylake", ("cpu:skylake",), OPTIMIZED + "cpu:skylake"),
        ("qnib-type3", "type3", "Coffee Lake", ("cpu:coffelake",), NOT_OPTIMIZED),
        (
            "qnib-type4",
            "type4",
            "Broadwell, Tesla M60",
            ("cpu:broadwell", "nvcap:5.2"),
            OPTIMIZED + "cpu:broadwell,nvcap:5.2",
        ),
    ]


def test_without_metahub_everybody_gets_the_first_build() -> None:
    """That is the generic one."""
    assert WITHOUT_METAHUB is BUILDS[0]
    assert WITHOUT_METAHUB.line == NOT_OPTIMIZED


@pytest.mark.parametrize(
    ("image_format", "digest"),
    [
        (OCI, "sha256:1806c1e494df68e1ddd4cb139d3d04cbb79c43bca377c923db6aebcbb01aaad5"),
        (DOCKER, "sha256:048c6a932e306a2c9d47ce0020c370790062e1162df122d4a1235969187cae9e"),
    ],
    ids=["oci", "docker"],
)
def test_the_index_never_changes(image_format: Format, digest: str) -> None:
    """Whoever wrote down its digest finds it again."""
    assert str(qnib_bench(image_format).index.digest) == digest


def test_the_entries_spell_features_in_both_ways() -> None:
    """The build for the GPU uses the dash, as in the talk; the generic one has no features."""
    index = json.loads(qnib_bench().index.content)
    assert [entry["platform"].get("features") for entry in index["manifests"]] == [
        None,
        ["cpu:broadwell"],
        ["cpu:skylake"],
        ["cpu-broadwell", "nvcap-5.2"],
    ]


def test_every_build_can_be_had_for_several_architectures() -> None:
    """One index then serves them all."""
    index = json.loads(qnib_bench(architectures=("amd64", "arm64")).index.content)
    found = [entry["platform"]["architecture"] for entry in index["manifests"]]
    assert found == ["amd64", "arm64"] * 4
