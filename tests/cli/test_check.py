"""`metahub check`, as a person and as a script run it."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metahub.cli import app
from metahub.node.authority import Confdir, SigningPair, constraints_for

EXAMPLE = Path(__file__).parents[2] / "metahub_rules"

WRONG = """\
machine_types: {type1: {}}
clients: [{network: 10.1.0.0/8, machine_type: type2}]
registries: [docker.io, docker.io]
"""
SAID = """\
{place}/a.yaml:2: clients[0].network: found '10.1.0.0/8', expected a network, with no bits set \
behind the prefix; did you mean '10.0.0.0/8'?
{place}/a.yaml:2: clients[0].machine_type: found 'type2', expected the name of a machine type \
(type1); did you mean 'type1'?
{place}/a.yaml:3: registries[1]: found 'docker.io' again (first in {place}/a.yaml:3), expected it \
once
3 mistakes in {place}
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """Rules with three mistakes."""
    (tmp_path / "a.yaml").write_text(WRONG)
    return tmp_path


def test_good_rules_are_summed_up(tmp_path: Path) -> None:
    """In one line, with exit code 0."""
    (tmp_path / "a.yaml").write_text(
        "machine_types: {a: {}}\nclients: [{network: 10.0.0.0/8, machine_type: a}]\n"
        "registries: [docker.io]\n"
    )
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        f"{tmp_path} is valid: 1 machine type, 1 client, 1 registry, 0 image rules\n"
    )


@pytest.mark.parametrize("word", ["--json", "--all"])
def test_a_comparison_needs_something_to_compare_with(word: str) -> None:
    """The rules alone are summed up for people."""
    done = CliRunner().invoke(app, ["check", str(EXAMPLE), word])
    assert done.exit_code == 2
    assert "--against" in done.stderr


def test_what_is_doubtful_is_told_on_stderr() -> None:
    """The rules are valid all the same: nobody has a CPU of the name that the talk gives it."""
    done = CliRunner().invoke(app, ["check", str(EXAMPLE)], env={"COLUMNS": "20"})
    assert done.exit_code == 0
    assert done.stdout == (
        f"{EXAMPLE} is valid: 4 machine types, 5 clients, 5 registries, 1 image rule\n"
    )
    assert done.stderr == (
        f"{EXAMPLE}/10-machine-types.yaml:21: machine_types.type3.features[0]: archspec knows no"
        " CPU 'coffelake', so that it equals only itself; did you mean 'icelake'?\n"
        f"1 warning in {EXAMPLE}\n"
    )


def test_of_a_flood_the_beginning_is_told(tmp_path: Path) -> None:
    """And how many there are, of mistakes as of warnings."""
    types = "\n".join(f"  type{number}: {{}}" for number in range(150))
    (tmp_path / "a.yaml").write_text(f"machine_types:\n{types}\nclients: []\n")
    (tmp_path / "b.yaml").write_text("registries: [docker.io]\n")
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    lines = done.stderr.splitlines()
    assert (done.exit_code, len(lines)) == (0, 102)
    assert lines[99].startswith(f"{tmp_path}/a.yaml:101: machine_types.type99: no client")
    assert lines[100:] == ["… and 50 more", f"150 warnings in {tmp_path}"]
    (tmp_path / "b.yaml").write_text("\n".join(f"key{number}: 1" for number in range(109)))
    lines = CliRunner().invoke(app, ["check", str(tmp_path)]).stderr.splitlines()
    assert lines[100:] == ["… and 10 more", f"110 mistakes in {tmp_path}"]


def test_every_mistake_is_a_line_on_stderr(wrong: Path) -> None:
    """Plain and unbroken however narrow the terminal is, and nothing on stdout."""
    done = CliRunner().invoke(app, ["check", str(wrong)], env={"COLUMNS": "20"})
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == SAID.format(place=wrong)


def test_a_terminal_shows_places_in_colour(wrong: Path) -> None:
    """The words are the same."""
    env = {"FORCE_COLOR": "1", "NO_COLOR": "", "TERM": "xterm", "COLUMNS": "20"}
    done = CliRunner().invoke(app, ["check", str(wrong)], env=env)
    assert f"\x1b[36m{wrong}/a.yaml:2\x1b[0m: clients[0].network: \x1b[31mfound" in done.stderr
    assert "\x1b[32mdid you mean 'type1'?\x1b[0m" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "{place}: found no *.yaml file in it, expected a directory with the rules in *.yaml"
         " files\n1 mistake in {place}\n"),
        ("'[bold]': x", "{place}/a.yaml:1: ['[bold]']: found an unknown key, expected one of"
          " machine_types, clients, unknown_clients, features, registries, allow_destinations,"
          " unknown_destinations, images, operators\n"),
    ],
)  # fmt: skip
def test_mistakes_are_text(tmp_path: Path, content: str | None, said: str) -> None:
    """One is one mistake, and what looks like markup is none."""
    if content:
        (tmp_path / "a.yaml").write_text(content)
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert done.exit_code == 1
    assert said.format(place=tmp_path) in done.stderr


def test_the_rules_of_the_current_directory_are_the_default(tmp_path: Path) -> None:
    """They are called as they are found there."""
    with contextlib.chdir(tmp_path):
        done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 1
    assert done.stderr == (
        "metahub_rules: found no readable directory (No such file or directory), expected a"
        " directory with the rules in *.yaml files\n1 mistake in metahub_rules\n"
    )


BESIDE = "machine_types: {a: {}}\nclients: [{network: 10.0.0.0/8, machine_type: a}]\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Rules with a config.yaml beside their directory, and no CA yet."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(f"{BESIDE}registries: [docker.io, reg.test]\n")
    (tmp_path / "config.yaml").write_text("confdir: certs\nmetahub_hosts: [proxy.test]\n")
    return tmp_path


def checked(site: Path, *words: str, code: int = 0) -> str:
    """What `metahub check` complains of."""
    done = CliRunner().invoke(app, ["check", str(site / "rules"), *words])
    assert done.exit_code == code
    return done.stderr


def test_where_there_is_no_ca_nothing_is_said_of_it(site: Path) -> None:
    """Neither without a config.yaml; but one that is named has to be there."""
    assert checked(site) == ""
    (site / "config.yaml").rename(site / "other.yaml")
    assert checked(site) == ""
    assert checked(site, "--config", str(site / "other.yaml")) == ""
    none = site / "none.yaml"
    said = f"metahub: {none}: No such file or directory; name another with --config\n"
    assert checked(site, "--config", str(none), code=1) == said


def test_a_registry_that_the_ca_may_not_sign_for(site: Path) -> None:
    """And a name of the proxy's own: with the command that mends it."""
    hosts = constraints_for(["docker.io", "registry-1.docker.io", "index.docker.io"])
    confdir = Confdir(site / "certs")
    confdir.put(SigningPair.create("a", datetime.now(UTC), hosts))
    names, refused = "reg.test, proxy.test", "so that nodes refuse what answers there"
    rotate = "`metahub ca rotate` makes the next one"
    assert checked(site) == f"metahub: The CA may not sign for {names}, {refused}: {rotate}\n"
    confdir.replace(SigningPair.create("b", datetime.now(UTC)), datetime.now(UTC))
    assert checked(site) == ""


def test_a_ca_that_cannot_be_used_is_wrong(site: Path) -> None:
    """No node could trust it."""
    (site / "certs").mkdir()
    bundle = site / "certs" / "mitmproxy-ca-cert.pem"
    bundle.touch()
    said = f"metahub: {bundle}: there is no certificate in it that can be read: "
    assert checked(site, code=1).startswith(said)
