"""`metahub watch`: what is in the store, and what comes into it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from subprocess import PIPE
from threading import Timer

import pytest
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.cli.decided import as_table, draw
from metahub.core.decision import Decision
from metahub.core.digest import Digest
from metahub.core.outcome import Outcome
from metahub.store import SqlStore, parse_location
from tests.core.decided import decided
from tests.e2e.machine.postgresql import IN_A_URL, PASSWORD, Cluster

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


@contextmanager
def following(config: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command as it goes on; it is gone afterwards, whatever happens."""
    command = [sys.executable, "-m", "metahub", "watch", "--config", str(config), "--json"]
    with subprocess.Popen([*command, *words], stdout=PIPE, stderr=PIPE, text=True) as running:
        too_late = Timer(20, running.kill)
        too_late.start()
        try:
            yield running
        finally:
            too_late.cancel()
            running.kill()


def keep(path: Path, *ids: str) -> None:
    """As a MetaHub does that starts, decides, and ends."""
    with closing(SqlStore.at(path)) as store:
        store.keep_decisions([decided(id=one) for one in ids], 100)


def next_id(running: subprocess.Popen[str]) -> str:
    """Which decision is shown next."""
    assert running.stdout is not None
    return Decision.loaded(running.stdout.readline()).id


def complaint(running: subprocess.Popen[str]) -> str:
    """What it says next to a person."""
    assert running.stderr is not None
    return running.stderr.readline()


def test_what_comes_is_shown_until_somebody_has_seen_enough(config: Path, store: SqlStore) -> None:
    """At once, and Ctrl-C is no failure."""
    with following(config, "--last", "1") as running:
        assert next_id(running) == REFUSED.id
        store.keep_decisions([decided(id="a" * 16)], 100)
        assert next_id(running) == "a" * 16
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=10) == ("", "")
        assert running.returncode == 0


def test_a_store_is_waited_for(config: Path) -> None:
    """The one who looks on may come before the proxy, and stay when its store is made again."""
    path = config.with_name("kept.sqlite")
    missing = f"metahub: {path} is not there: MetaHub makes it when it starts; waiting for it\n"
    with following(config) as running:
        for name in ("first", "again"):
            assert complaint(running) == missing
            keep(path, name)
            assert next_id(running) == name
            path.rename(path.with_name(f"{name}.sqlite"))


def test_a_store_made_anew_is_shown_from_its_beginning(config: Path) -> None:
    """Its places begin anew too, and nothing of it was seen; what was seen comes no second time."""
    path, fresh = config.with_name("kept.sqlite"), config.with_name("fresh.sqlite")
    keep(path, "before", "last")
    keep(fresh, "a", "b", "c")
    with following(config, "--last", "1") as running:
        assert next_id(running) == "last"
        fresh.replace(path)
        assert [next_id(running) for _ in "abc"] == ["a", "b", "c"]
        keep(path, "d")
        assert next_id(running) == "d"


@pytest.mark.e2e
def test_a_store_in_a_database(config: Path, postgresql: Cluster) -> None:
    """As one in a file; what fails is said without the password."""
    url = postgresql.nothing()
    config.write_text(f"metahub_store: {url}\n")
    with closing(SqlStore.at(parse_location(url))) as store:
        store.keep_decisions(OTHERS, 100)
    assert len(watched(config).stdout.splitlines()) == 20
    config.write_text(f"metahub_store: {url.replace('/postgres', '/nothing')}\n")
    shown = watched(config)
    assert shown.exit_code == 1
    assert shown.stderr.startswith(f"metahub: postgresql://127.0.0.1:{postgresql.port}/nothing ")
    assert PASSWORD not in shown.output
    assert IN_A_URL not in shown.output


def test_no_store(config: Path) -> None:
    """One sentence, and where it was looked for."""
    shown = watched(config)
    path = config.with_name("kept.sqlite")
    assert shown.exit_code == 1
    assert shown.stderr == f"metahub: {path} is not there: MetaHub makes it when it starts\n"


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


# What takes the cursor back to where a table began:
# https://man7.org/linux/man-pages/man4/console_codes.4.html
BACK = re.compile(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*")


def left(*together: list[Decision], width: int = 100) -> list[str]:
    """The lines that stand on a low terminal in the end: of the last table that was drawn."""
    output = StringIO()
    draw(together, Console(file=output, force_terminal=True, width=width, height=5))
    table = BACK.split(output.getvalue())[-1]
    return [line.rstrip() for line in Text.from_ansi(table).plain.splitlines()]


@pytest.mark.parametrize(
    ("together", "references"),
    [
        ([[]], []),
        ([[], OTHERS[:2]], ["v0", "v1"]),
        ([OTHERS[:2], OTHERS[2:3]], ["v0", "v1", "v2"]),
        ([OTHERS[:2], OTHERS[2:7]], ["v4", "v5", "v6"]),
    ],
)
def test_a_table_is_drawn_again_with_what_came(
    together: list[list[Decision]], references: list[str]
) -> None:
    """As high as the terminal: of more, the newest are left."""
    heading, *rows = left(*together)
    assert heading.startswith("time  ")
    assert re.findall(r"qnib/bench:(v\d+) ", "\n".join(rows)) == references
    assert len(rows) == len(references)


@pytest.mark.parametrize("width", [100, 120, 200])
def test_a_long_name_takes_the_room_of_no_other(width: int) -> None:
    """What is asked for by its digest leaves the outcome and the numbers whole."""
    pinned = decided(reference=str(Digest.of(b"")), outcome=Outcome.PINNED)
    _, row = left([pinned], width=width)
    assert row.startswith("03:04:05  qnib-type1 at 10.20.0.7  type1  GET docker.io/qnib/")
    assert row.endswith("  passed: pinned  1 of 2  12")
