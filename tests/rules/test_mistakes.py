"""What is wrong with rules, and every word that is said about it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.rules import RulesError, read_rules
from tests.rules.written import BASE, HASH, mistakes, mistakes_of, whole, write

TABLE = Path(__file__).with_name("mistakes.txt")
SECRETS = ("hunter2", "12345", "$2b$")


def cases() -> Iterator[tuple[str, str]]:
    """The YAML and the mistakes of each case of the table."""
    for case in TABLE.read_text().split("\n\n"):
        lines = [line for line in case.splitlines() if not line.startswith("#")]
        yaml = "\n".join(line for line in lines if not line.startswith("! "))
        said = "\n".join(line.removeprefix("! ") for line in lines if line.startswith("! "))
        if yaml:
            yield yaml, said


@pytest.mark.parametrize(("yaml", "said"), tuple(cases()))
def test_a_mistake_is_told_whole(tmp_path: Path, yaml: str, said: str) -> None:
    """Place, way, what was found, what was expected, and what was probably meant."""
    assert mistakes_of(tmp_path, yaml.replace("HASH", HASH)) == said


@pytest.mark.parametrize(("yaml", "said"), tuple(cases()))
def test_no_mistake_repeats_a_secret(yaml: str, said: str) -> None:
    """Neither a password nor a hash, wherever it stands astray."""
    assert said
    assert not any(secret in said for secret in SECRETS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"- a", "rules/a.yaml:1: found a list, expected a mapping of keys, like `clients:`"),
        (b"\n\na", "rules/a.yaml:3: found a text, expected a mapping of keys, like `clients:`"),
        (b"5.2", "rules/a.yaml:1: found the number 5.2, expected a mapping of keys, like"
         " `clients:`"),
        (b"a: [", "rules/a.yaml:1: found a syntax error (expected the node content, but found"
         " '<stream end>') at column 5, expected valid YAML"),
        (b"a: 'b", "rules/a.yaml:1: found a syntax error (found unexpected end of stream)"
         " at column 6, expected valid YAML"),
        (b"a: 1\n---\nb: 1", "rules/a.yaml:2: found a second document at column 1,"
         " expected one document in a file, without ---"),
        (b"a:\n  b: \x00", "rules/a.yaml:2: found a control character, expected printable text in"
         " UTF-8"),
        (b"a: b\nc: caf\xe9", "rules/a.yaml:2: found a byte that is not UTF-8, expected printable"
         " text in UTF-8"),
        ("a: b".encode("utf-16"), "rules/a.yaml:1: found a byte that is not UTF-8, expected"
         " printable text in UTF-8"),
        (b"a: " + b"[" * 100_000, "rules/a.yaml:1: found a value with too many levels above it"
         " at column 19, expected at most 16"),
        (b"- " * 100_000, "rules/a.yaml:1: found a value with too many levels above it"
         " at column 33, expected at most 16"),
        (b"x" * 1024 * 1024 + b"x", "rules/a.yaml: found more than 1048576 bytes, expected a"
         " smaller file, or several"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_rules_is_told_alone(tmp_path: Path, content: bytes, said: str) -> None:
    """Nothing is called missing that the file may hold."""
    assert mistakes(write(tmp_path / "rules", {"a.yaml": content})) == said


def test_aliases_that_stand_for_billions_of_values_are_refused(tmp_path: Path) -> None:
    """In less time than it takes to count them."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 11)]
    said = mistakes(write(tmp_path / "rules", {"a.yaml": "\n".join(lines)}))
    assert said == (
        "rules/a.yaml:1: found too many values, with all that aliases repeat, at column 14,"
        " expected at most 100000"
    )


def test_aliases_that_stand_for_little_are_read(tmp_path: Path) -> None:
    """An anchor is a fine way to say something once."""
    features = "machine_types: {type1: {features: &cpu [cpu:a]}, type2: {features: *cpu}}"
    rules = read_rules(write(tmp_path / "rules", {"a.yaml": whole(features)}))
    assert rules.machine_types["type1"].features == rules.machine_types["type2"].features


def test_what_is_missing_is_missing_in_the_directory(tmp_path: Path) -> None:
    """All three at once: no file can be named for a key that none holds."""
    assert mistakes(write(tmp_path / "rules", {"a.yaml": "# nothing\n"})).splitlines() == [
        "rules: machine_types: found nothing, expected a mapping of at least one machine type,"
        " by its name",
        "rules: clients: found nothing, expected a list of clients, [] if there are none",
        "rules: registries: found nothing, expected a list of at least one registry,"
        " like [docker.io]",
    ]


def test_a_key_in_two_files_names_both_places(tmp_path: Path) -> None:
    """The first one is read on, so that its own mistakes are told too."""
    files = {
        "a.yaml": whole("unknown_clients: pas"),
        "b.yaml": "\nunknown_clients: deny\nclients: [1, 2]",
    }
    assert mistakes(write(tmp_path / "rules", files)).splitlines() == [
        "rules/a.yaml:1: unknown_clients: found 'pas', expected one of pass, deny;"
        " did you mean 'pass'?",
        "rules/b.yaml:2: unknown_clients: found this key again (first in rules/a.yaml:1),"
        " expected it once",
        "rules/b.yaml:3: clients: found this key again (first in rules/a.yaml:3), expected it once",
    ]


def test_mistakes_of_all_files_come_at_once_in_their_order(tmp_path: Path) -> None:
    """A file that cannot be read hides nothing but itself."""
    files = {
        "a.yaml": "x: [",
        "b.yaml": "clients: [{network: 10.0.0.0/8, machine_type: type1}]\nanswer: manifest",
        "c.yml": "registries: [docker.io]",
        "d.yaml": "images: [{match: qnib/*, choose: besst}]",
    }
    assert mistakes(write(tmp_path / "rules", files)).splitlines() == [
        "rules/a.yaml:1: found a syntax error (expected the node content, but found"
        " '<stream end>') at column 5, expected valid YAML",
        "rules/b.yaml:2: answer: found an unknown key, expected one of machine_types, clients,"
        " unknown_clients, features, registries, images",
        "rules/c.yml: found the ending .yml, expected c.yaml",
        "rules/d.yaml:1: images[0].choose: found 'besst', expected one of best, exact, all;"
        " did you mean 'best'?",
    ]


def test_the_directory_is_called_as_it_was_given(tmp_path: Path) -> None:
    """A message can be clicked where the command was typed."""
    directory = write(tmp_path / "rules", {"a.yaml": "clients: ["}) / ".." / "rules"
    with pytest.raises(RulesError) as caught:
        read_rules(directory)
    (mistake,) = caught.value.mistakes
    assert str(mistake.place) == f"{directory}/a.yaml:1"


def test_the_base_is_valid(tmp_path: Path) -> None:
    """So that what a case writes is all that is wrong with it."""
    assert not mistakes_of(tmp_path, "\n".join(BASE.values()))
