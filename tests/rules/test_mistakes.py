"""What is wrong with rules, and every word that is said about it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.rules import RulesError, read_rules
from tests.rules.written import BASE, HASH, mistakes, mistakes_of, whole, write

TABLE = Path(__file__).with_name("mistakes.txt")
LISTS = Path(__file__).with_name("list_mistakes.txt")
SECRETS = ("hunter2", "12345", "$2b$")


def cases(table: Path) -> Iterator[tuple[str, str]]:
    """The YAML and the mistakes of each case of a table."""
    for case in table.read_text().split("\n\n"):
        lines = [line for line in case.splitlines() if not line.startswith("#")]
        yaml = "\n".join(line for line in lines if not line.startswith("! "))
        said = "\n".join(line.removeprefix("! ") for line in lines if line.startswith("! "))
        if yaml:
            yield yaml, said


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for all cases of a table: making one for each takes longer than the cases."""
    return tmp_path_factory.mktemp("rules")


@pytest.mark.parametrize(("yaml", "said"), tuple(cases(TABLE)))
def test_a_mistake_is_told_whole(once: Path, yaml: str, said: str) -> None:
    """Place, way, what was found, what was expected, and what was probably meant."""
    assert mistakes_of(once / "table", yaml.replace("HASH", HASH)) == said


@pytest.mark.parametrize(("yaml", "said"), tuple(cases(LISTS)))
def test_a_mistake_of_a_list_is_told_whole(once: Path, yaml: str, said: str) -> None:
    """The rules beside it are good."""
    files = {"a.yaml": "\n".join(BASE.values()), "b.yaml": yaml}
    assert mistakes(write(once / "lists" / "rules", files)) == said


def test_two_lists_of_one_tag_name_both_places(tmp_path: Path) -> None:
    """However it is written; another tag of the image is another list."""
    entries = "manifests: [{image: docker.io/qnib/bench:a}]"
    files = {
        "a.yaml": whole(""),
        "b.yaml": f"image: docker.io/qnib/bench\n{entries}",
        "c.yaml": f"image: docker.io/qnib/bench:v1\n{entries}",
        "d.yaml": f"{entries}\nimage: Docker.io/qnib/bench:latest",
    }
    assert mistakes(write(tmp_path / "rules", files)) == (
        "rules/d.yaml:2: image: found 'Docker.io/qnib/bench:latest' again (first in"
        " rules/b.yaml:1), expected it once"
    )


@pytest.mark.parametrize(
    ("registries", "said"),
    [
        ("[ghcr.io]", "rules/b.yaml:1: image: found 'bench', expected an image like"
         " docker.io/qnib/bench:latest; did you mean 'ghcr.io/bench'?"),
        ("[registry]", "rules/b.yaml:1: image: found 'bench', expected an image like"
         " docker.io/qnib/bench:latest; did you mean 'registry/bench'?"),
        ("[a_b]", "rules/a.yaml:1: registries[0]: found 'a_b', expected a registry like ghcr.io or"
         " registry.test:5000\nrules/b.yaml:1: image: found 'bench', expected an image like"
         " docker.io/qnib/bench:latest; did you mean 'docker.io/library/bench'?"),
    ],
)  # fmt: skip
def test_a_name_without_registry_is_meant_at_a_known_one(
    tmp_path: Path, registries: str, said: str
) -> None:
    """At docker.io where the rules open it, or where nobody knows what they open."""
    files = {
        "a.yaml": whole(f"registries: {registries}"),
        "b.yaml": "image: bench\nmanifests: [{image: quay.io/bench:a}]",
    }
    first = mistakes(write(tmp_path / "rules", files)).split("\nrules/b.yaml:2")[0]
    assert first == said


def test_of_many_mistakes_the_first_hundred_are_told(tmp_path: Path) -> None:
    """One slip can be thousands of them; the error itself holds them all."""
    keys = "\n".join(f"key{number}: 1" for number in range(300))
    with pytest.raises(RulesError) as caught:
        read_rules(write(tmp_path / "rules", {"a.yaml": whole(keys)}))
    lines = str(caught.value).splitlines()
    assert len(caught.value.mistakes) == 300
    assert len(lines) == 101
    assert lines[-1] == "… and 200 more"


@pytest.mark.parametrize(("yaml", "said"), [*cases(TABLE), *cases(LISTS)])
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
        " unknown_clients, features, registries, allow_destinations, unknown_destinations, images,"
        " operators",
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
