"""Whatever an operator writes: rules, or mistakes that say where they are and give nothing away."""

import re
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from metahub.rules import Rules, RulesError
from metahub.rules.reader import rules_of
from metahub.rules.source import Source
from tests.fuzz.damage import damaged, shuffled
from tests.fuzz.examples import fuzzed, seldom

DIRECTORY = Path("rules")
SHIPPED = sorted((Path(__file__).parents[2] / "metahub_rules").glob("*.yaml"))
EXAMPLE = b"".join(file.read_bytes() for file in SHIPPED)
LIST = b"""image: docker.io/qnib/bench
manifests:
  - image: docker.io/qnib/bench:cpu-broadwell
    platform: {architecture: amd64, os: linux, features: ["cpu:broadwell"]}
  - image: docker.io/qnib/bench:generic
    platform: {architecture: amd64, os: linux}
"""
SECRETS = re.findall(r"password_hash: (\S+)", EXAMPLE.decode())

KEYS = st.sampled_from(
    ["machine_types", "clients", "unknown_clients", "registries", "images", "features", "image",
     "manifests", "match", "choose", "user", "password_hash", "network", "machine_type", "platform",
     "kind", "annotation", "variants", "tag", "destinations", "allow_destinations", "until"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["type1", "linux/amd64", "docker.io", "docker.io/a/*", "10.0.0.0/8", "::/0", "best", "pass",
     "*", "**", "cpu:skylake", "2026-13-45", "~", "", "{tag}", "{", "a" * 300, "\u2028", "é",
     SECRETS[0]]
)  # fmt: skip
SCALARS = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | WORDS | SCALARS, inner, max_size=4)
    ),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=6).map(
    lambda values: yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass")
)
TORN = damaged(EXAMPLE) | damaged(LIST) | shuffled(EXAMPLE) | shuffled(LIST)


def assert_rules_or_mistakes(*contents: bytes) -> None:
    """Of these files: each mistake is a line that names a file of them, and no secret."""
    sources = [Source(DIRECTORY / f"{number}.yaml", one) for number, one in enumerate(contents)]
    found = _read(sources)
    if isinstance(found, Rules):
        assert str(_read(sources)) == str(found)
        return
    assert found.mistakes
    assert not [secret for secret in SECRETS if secret in str(found)]
    for mistake in found.mistakes:
        assert mistake.place.file in {DIRECTORY, *(source.file for source in sources)}
        assert 0 <= mistake.place.line <= max(map(_lines, contents)) + 1
        assert len(str(mistake).splitlines()) == 1


def _read(sources: list[Source]) -> Rules | RulesError:
    try:
        return rules_of(DIRECTORY, sources)
    except RulesError as error:
        return error


@fuzzed
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode()))
def test_any_bytes(content: bytes) -> None:
    """A file may be anything."""
    assert_rules_or_mistakes(content)


@fuzzed
@given(DOCUMENTS)
def test_any_values_under_known_keys(content: bytes) -> None:
    """Whatever stands where something else should."""
    assert_rules_or_mistakes(content)


@seldom
@given(TORN)
def test_good_rules_that_were_torn(content: bytes) -> None:
    """A save that went wrong, a line at the wrong place."""
    assert_rules_or_mistakes(content)


@seldom
@given(DOCUMENTS | TORN)
def test_beside_a_good_file(content: bytes) -> None:
    """What is wrong with one hides nothing of another, and is told with its own name."""
    assert_rules_or_mistakes(EXAMPLE, content)


def _lines(content: bytes) -> int:
    return len(content.decode(errors="replace").splitlines())
