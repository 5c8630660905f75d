"""Every machine in tests/data/machines: what is found on it, and what is left out."""

from pathlib import Path

import pytest

from metahub.core.feature import FeatureKey, Vocabulary
from metahub.core.kind import KINDS
from metahub.node.detect import detect
from metahub.node.detect.machine_type import KINDS as SUGGESTED
from tests.node.captured import MACHINES, read

NAMES = sorted(file.stem for file in MACHINES.glob("*.txt"))


def test_there_are_machines() -> None:
    """The tests below would say nothing of an empty directory."""
    assert len(NAMES) >= 18


@pytest.mark.parametrize("name", NAMES)
def test_a_machine_is_found_out(name: str, tmp_path: Path) -> None:
    """All its features, in order, and each thing that is left out with its reason."""
    captured = read(name)
    found = detect(captured.machine(tmp_path))
    assert [str(one) for one in found.features] == captured.offers
    assert [f"{one.subject}: {one.reason}" for one in found.unknowns] == captured.left_out


@pytest.mark.parametrize("name", NAMES)
def test_what_is_offered_is_good_for_itself(name: str, tmp_path: Path) -> None:
    """A build that requires a feature in just these words fits, in the kind that is suggested."""
    vocabulary = Vocabulary(FeatureKey(key, KINDS[kind]) for key, kind in SUGGESTED.items())
    features = detect(read(name).machine(tmp_path)).features
    assert vocabulary.lacking(features, features) == ()
    assert [vocabulary.parse(str(one)) for one in features] == list(features)
    assert all(one.value for one in features)


@pytest.mark.parametrize("name", NAMES)
def test_a_machine_says_where_it_is_from(name: str) -> None:
    """Each file begins with its sources, so that nobody takes for captured what was composed."""
    head = (MACHINES / f"{name}.txt").read_text("utf-8").partition("\n== ")[0].splitlines()
    assert all(line.startswith("#") for line in head)
    assert any(word in " ".join(head) for word in ("composed", "archspec"))
