"""Indexes in the shapes of public images: left as they came, or chosen from and nothing lost.

tests/data/indexes/README.md says how they were made.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from metahub.core.digest import Digest
from metahub.core.machine import MachineType
from metahub.core.rewrite import Answer, Rewritten, Terms, Unchanged, rewrite
from tests.core.indexes import VOCABULARY, machine

FOLDER = Path(__file__).parents[1] / "data" / "indexes"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))
TAKEN_FROM = {"variant", "os.features"}  # of Linux on amd64, where clients refuse them


def bytes_of(name: str) -> bytes:
    """The index as it is served."""
    return (FOLDER / f"{name}.json").read_bytes()


def answer_to(body: bytes, machine_type: MachineType) -> Answer:
    """What a machine type gets for it."""
    media_type: str = json.loads(body)["mediaType"]
    return rewrite(body, media_type, "docker.io/library/image", Terms(machine_type, VOCABULARY))


@pytest.mark.parametrize(
    ("name", "machine_type"),
    [
        ("library-arm", machine("plain")),
        ("library-arm", machine("skylake", "cpu:skylake", "gpu:nvidia")),
        ("library-arm", machine("loong", platform="linux/loong64")),
        ("library-arm", machine("windows", platform="windows/amd64")),
        ("windows", machine("plain")),
        ("windows", machine("skylake", "cpu:skylake")),
        ("windows", machine("power", platform="linux/ppc64le")),
        ("mixed", machine("plain")),
        ("mixed", machine("skylake", "cpu:skylake")),
        ("amd64-levels", machine("power", "cpu:power9le", platform="linux/ppc64le")),
        ("attestations", machine("power", "cpu:power9le", platform="linux/ppc64le")),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_where_nothing_is_to_decide_the_bytes_are_upstreams(
    name: str, machine_type: MachineType
) -> None:
    """Nothing in it requires anything, or nothing in it is for the machine's platform."""
    body = bytes_of(name)
    answer = answer_to(body, machine_type)
    assert isinstance(answer, Unchanged)
    assert answer.upstream_digest == Digest.of(body)


CHOICES = [
    ("library-arm", machine("amd64", platform="linux/amd64"), [0]),
    ("library-arm", machine("v5", platform="linux/arm/v5"), [1]),
    ("library-arm", machine("v6", platform="linux/arm/v6"), [2]),
    ("library-arm", machine("arm", platform="linux/arm"), [1, 2, 3]),
    ("library-arm", machine("arm64", platform="linux/arm64/v8"), [4]),
    ("library-arm", machine("386", platform="linux/386"), [5]),
    ("library-arm", machine("s390x", platform="linux/s390x"), [8]),
    ("amd64-levels", machine("plain"), [0, 4]),
    ("amd64-levels", machine("core2", "cpu:core2"), [0, 4]),
    ("amd64-levels", machine("nehalem", "cpu:nehalem"), [1, 4]),
    ("amd64-levels", machine("haswell", "cpu:haswell"), [2, 4]),
    ("amd64-levels", machine("zen3", "cpu:zen3"), [2, 4]),
    ("amd64-levels", machine("avx512", "cpu:skylake_avx512", platform="linux/amd64"), [3]),
    ("amd64-levels", machine("arm64", platform="linux/arm64"), [4]),
    ("windows", machine("amd64", platform="linux/amd64"), [0]),
    ("windows", machine("windows", platform="windows/amd64"), [2, 3, 4]),
    ("os-features", machine("plain"), [1, 2]),
    ("os-features", machine("amd", "gpu:amd"), [1, 2]),
    ("os-features", machine("nvidia", "gpu:nvidia"), [0, 2]),
    ("attestations", machine("plain"), [0, 2, 3, 5]),
    ("attestations", machine("haswell", "cpu:haswell"), [1, 2, 4, 5]),
    ("attestations", machine("one", "cpu:haswell", platform="linux/amd64"), [1, 4]),
    ("attestations", machine("arm64", platform="linux/arm64"), [2, 5]),
    ("mixed", machine("amd64", platform="linux/amd64"), [0, 2, 3, 4]),
    ("mixed", machine("arm64", platform="linux/arm64"), [1, 2, 3, 4]),
]


@pytest.mark.parametrize(
    ("name", "machine_type", "kept"),
    CHOICES,
    ids=[f"{name}-{machine_type.name}" for name, machine_type, _ in CHOICES],
)
def test_what_fits_is_left_and_loses_nothing(
    name: str, machine_type: MachineType, kept: list[int]
) -> None:
    """The entries at these places, with every field but those that clients refuse."""
    body = bytes_of(name)
    answer = answer_to(body, machine_type)
    assert isinstance(answer, Rewritten)
    before, after = json.loads(body), json.loads(answer.body)
    assert after["manifests"] == [_as_served(before["manifests"][place]) for place in kept]
    assert after.items() >= (before | {"manifests": after["manifests"]}).items()


@pytest.mark.parametrize(
    ("name", "machine_type"), [(name, machine_type) for name, machine_type, _ in CHOICES]
)
def test_what_was_served_is_served_again_as_it_is(name: str, machine_type: MachineType) -> None:
    """A second MetaHub, or a copy, changes nothing more."""
    served = answer_to(bytes_of(name), machine_type)
    assert isinstance(served, Rewritten)
    again = answer_to(served.body, machine_type)
    assert isinstance(again, Unchanged)


def test_every_index_is_tried() -> None:
    """A file that no case names shows nothing."""
    assert {name for name, _, _ in CHOICES} == set(NAMES)


def _as_served(entry: dict[str, Any]) -> dict[str, Any]:
    platform = entry.get("platform", {})
    if (platform.get("os"), platform.get("architecture")) != ("linux", "amd64"):
        return entry
    features = [f"cpu:x86_64_{platform['variant']}"] if "variant" in platform else []
    features += platform.get("os.features", [])
    rest = {name: value for name, value in platform.items() if name not in TAKEN_FROM}
    return entry | {"platform": rest | ({"features": features} if features else {})}
