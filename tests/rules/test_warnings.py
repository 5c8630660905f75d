"""What is legal in rules and surely not meant, and what alarms nobody."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metahub.core.distribution import ImageName
from metahub.core.policy import ImageRule, Policy
from metahub.rules import read_rules
from metahub.rules.image_pattern import Patterns
from tests.rules.written import BASE, HASH, write

TABLE = Path(__file__).with_name("warnings.txt")
BESIDE = (
    BASE
    | {"clients": "clients: [{network: 10.0.0.0/8, machine_type: type1}]"}
    | {"machine_types": "machine_types: {type1: {}}"}
)


def cases() -> list[tuple[str, str]]:
    """The YAML and the warnings of each case of the table; many have none."""
    read = []
    for case in TABLE.read_text().split("\n\n"):
        lines = [line for line in case.splitlines() if not line.startswith("#")]
        yaml = "\n".join(line for line in lines if not line.startswith("! "))
        said = "\n".join(line.removeprefix("! ") for line in lines if line.startswith("! "))
        if yaml:
            read.append((yaml, said))
    return read


def warnings(tmp_path: Path, yaml: str) -> str:
    """What is doubted in rules; what they do not write is that of `BESIDE`."""
    rules, _, listed = yaml.partition("\n---\n")
    written = {line.partition(":")[0] for line in rules.splitlines()}
    missing = [text for key, text in BESIDE.items() if key not in written]
    files = {"a.yaml": "\n".join([rules.replace("HASH", HASH), *missing])}
    files |= {"b.yaml": listed} if listed else {}
    read = read_rules(write(tmp_path / "rules", files))
    return "\n".join(map(str, read.warnings)).replace(str(tmp_path / "rules"), "rules")


@pytest.mark.parametrize(("yaml", "said"), cases())
def test_a_warning_is_told_whole(tmp_path: Path, yaml: str, said: str) -> None:
    """Place, way, what is doubtful, and what was probably meant."""
    assert warnings(tmp_path, yaml) == said


def test_warnings_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    """As mistakes do, whatever they are about."""
    files = {
        "b.yaml": "clients: []\nmachine_types:\n  b: {}\n  a: {features: [cpu:x]}",
        "a.yaml": "features: {cpu: {kind: microarchitecture}}\nregistries: [docker.io]\n"
        "images:\n- match: '*'\n- match: docker.io/*",
    }
    read = read_rules(write(tmp_path / "rules", files))
    places = [(warning.place.file.name, warning.place.line) for warning in read.warnings]
    assert places == [("a.yaml", 5), ("b.yaml", 3), ("b.yaml", 4), ("b.yaml", 4)]


def covers(wider: str, narrower: str) -> bool:
    """Whether one pattern hides another."""
    patterns = Patterns()
    patterns.add(wider)
    return patterns.hiding(narrower) == wider


@pytest.mark.parametrize(
    ("wider", "narrower"),
    [
        ("*", "*"),
        ("*", "?"),
        ("*", "docker.io/qnib/*"),
        ("docker.io/*", "docker.io/qnib/*"),
        ("docker.io/*", "docker.io/**"),
        ("docker.io/**", "docker.io/*"),
        ("docker.io/?*", "docker.io/*?"),
        ("docker.io/*?", "docker.io/?*"),
        ("docker.io/?", "docker.io/a"),
        ("*/bench", "docker.io/*/bench"),
        ("docker.io/*b*", "docker.io/ab*"),
        ("a*b*c", "a?bb*xc"),
    ],
)
def test_a_pattern_covers_another(wider: str, narrower: str) -> None:
    """It matches all that the other does."""
    assert covers(wider, narrower)


@pytest.mark.parametrize(
    ("wider", "narrower"),
    [
        ("docker.io/qnib/*", "docker.io/*"),
        ("docker.io/qnib/bench", "docker.io/qnib/bench*"),
        ("docker.io/qnib/?", "docker.io/qnib/*"),
        ("docker.io/?*", "docker.io/*"),
        ("docker.io/a*", "docker.io/?*"),
        ("docker.io/?", "docker.io/??"),
        ("docker.io/*b", "docker.io/*"),
        ("docker.io/*a*b", "docker.io/*b*a"),
        ("a*", "?*"),
        ("a", "a"),
        ("a", "b"),
        ("a", ""),
    ],
)
def test_a_pattern_does_not_cover_another(wider: str, narrower: str) -> None:
    """Some name falls under the other alone; and the same one twice is a mistake instead."""
    assert not covers(wider, narrower)


@pytest.mark.timeout(10)
def test_patterns_are_compared_in_bearable_time() -> None:
    """Of one that nearly covers another, and of many that begin in different ways."""
    patterns = Patterns()
    patterns.add("*a" * 30 + "b*c")
    assert patterns.hiding("a" * 250 + "*") is None
    for number in range(2_000):
        assert patterns.hiding(f"docker.io/team{number}/*") is None
        patterns.add(f"docker.io/team{number}/*")


@given(st.text("ab*?", max_size=6), st.text("ab*?", max_size=6), st.text("abc", max_size=6))
def test_no_pattern_is_called_covered_that_is_not(wider: str, narrower: str, name: str) -> None:
    """Whatever name falls under it falls under the wider one."""
    image = ImageName("a", name)
    if covers(wider, narrower) and ImageRule(narrower, Policy()).matches(image):
        assert ImageRule(wider, Policy()).matches(image)
