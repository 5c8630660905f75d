"""`metahub watch`: what is in the store, and what comes into it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.cli.decided import as_table
from metahub.core.decision import Decision
from metahub.core.outcome import Outcome
from metahub.store import SqlStore
from tests.core.decided import decided

OTHERS = [decided(id=f"{number:016x}", reference=f"v{number}") for number in range(30)]
REFUSED = decided(id="f" * 16, outcome=Outcome.REFUSED, digest=None)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config.yaml whose store is beside it."""
    file = tmp_path / "config.yaml"
    file.write_text("metahub_store: kept.sqlite\n")
    return file


@pytest.fixture
def store(config: Path) -> Iterator[SqlStore]:
    """What a running MetaHub keeps its decisions in."""
    with closing(SqlStore.at(config.with_name("kept.sqlite"))) as opened:
        opened.keep_decisions([*OTHERS, REFUSED], 100)
        yield opened


def watched(config: Path, *words: str) -> Result:
    """What the command says, without going on."""
    return CliRunner().invoke(app, ["watch", "--config", str(config), "--no-follow", *words])


@pytest.mark.usefixtures("store")
def test_the_newest_are_shown(config: Path) -> None:
    """Twenty, or as many as are asked for, the newest at the end."""
    assert len(watched(config).stdout.splitlines()) == 20
    first, last = watched(config, "--last", "2").stdout.splitlines()
    assert "qnib/bench:v29: rewritten" in first
    assert "refused" in last


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["--outcome", "refused"], 1),
        (["--image", "bench:v1"], 11),
        (["--image", "*:v1"], 1),
        (["--client", "10.20.0.0/16", "--type", "type1"], 31),
        (["--client", "10.21.0.0/16"], 0),
        (["--type", "type2"], 0),
    ],
)
def test_only_what_is_wanted(words: list[str], number: int, config: Path) -> None:
    """The number of decisions before is that of the wanted ones."""
    shown = watched(config, "--json", "--last", "100", *words)
    assert len(shown.stdout.splitlines()) == number
    assert shown.exit_code == 0


@pytest.mark.usefixtures("store")
def test_scripts_read_decisions(config: Path) -> None:
    """As they were kept."""
    line = watched(config, "--json", "--last", "1").stdout
    assert Decision.from_json(json.loads(line)) == REFUSED


def test_what_comes_is_shown(config: Path, store: SqlStore) -> None:
    """At once, until somebody has seen enough."""
    command = [sys.executable, "-m", "metahub", "watch", "--config", str(config), "--json"]
    with subprocess.Popen([*command, "--last", "1"], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert Decision.loaded(running.stdout.readline()) == REFUSED
            store.keep_decisions([decided(id="a" * 16)], 100)
            assert Decision.loaded(running.stdout.readline()).id == "a" * 16
        finally:
            running.terminate()


def test_no_store(config: Path) -> None:
    """One sentence, and where it was looked for."""
    shown = watched(config)
    assert shown.exit_code == 1
    assert "kept.sqlite cannot be used" in shown.stderr


@pytest.mark.usefixtures("store")
def test_an_outcome_that_there_is_not(config: Path) -> None:
    """A mistyped filter would show nothing, for ever."""
    shown = watched(config, "--outcome", "rewriten")
    assert shown.exit_code == 2
    assert "rewriten" in shown.stderr


def test_the_table_on_a_terminal() -> None:
    """Which MetaHub it was, where there are several; nothing of it is obeyed by a terminal."""
    evil = decided(repository="a\x1b[2Jb", instance="other:8080", entries=())
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(as_table([decided(), evil]))
    heading, first, second = captured.get().splitlines()
    assert heading.split() == [
        "time",
        "client",
        "type",
        "image",
        "outcome",
        "kept",
        "ms",
        "instance",
    ]
    assert "GET docker.io/qnib/bench:latest  rewritten  1 of 2  12  proxy:8080" in first
    assert "\x1b" not in second
    assert "instance" not in str([column.header for column in as_table([decided()]).columns])
