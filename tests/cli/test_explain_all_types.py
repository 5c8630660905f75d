"""`metahub explain --all-types`: machine types against entries."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.core.digest import Digest
from tests.cli.test_explain import BENCH, RULES, SKYLAKE, explain, rewritten, shortened
from tests.core.indexes import as_bytes, entry, index
from tests.rules.written import write

MATRIX = """\
{digest}
entry         platform         requires                  type1                   type4
{generic}  linux/amd64      nothing                   goes                    goes
{broadwell}  linux/amd64      cpu:broadwell             stays                   goes
{about}  unknown/unknown  nothing                   stays                   goes
{gpu}  linux/amd64      cpu:broadwell, nvcap:5.2  goes                    stays
{arm}  linux/arm64      nothing                   goes                    stays
answer                                                   rewritten {type1}  rewritten {type4}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with rules; indexes are written to it."""
    write(tmp_path / "rules", {"a.yaml": RULES})
    return tmp_path


def explain_all(place: Path, body: bytes, *options: str, **env: str) -> Result:
    """Run the command for every machine type."""
    (place / "index.json").write_bytes(body)
    arguments = ["--index", str(place / "index.json"), "--rules", str(place / "rules"), *options]
    environment = {"COLUMNS": "40"} | env
    return CliRunner().invoke(app, ["explain", "--all-types", *arguments], env=environment)


def test_a_person_sees_who_gets_what(place: Path) -> None:
    """In words, uncut however narrow the terminal is."""
    done = explain_all(place, BENCH)
    served = {name: rewritten(place, BENCH, name).digest.short for name in ("type1", "type4")}
    short = shortened("generic", "broadwell", "about", "gpu", "arm")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == MATRIX.format(digest=Digest.of(BENCH), **short, **served)


def test_a_terminal_shows_it_at_a_glance(place: Path) -> None:
    """In colour; where it is narrow, no word is broken or cut."""
    env = {"FORCE_COLOR": "1", "NO_COLOR": "", "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    done = explain_all(place, BENCH, **env, COLUMNS="200")
    assert "\x1b[32m✓" in done.stdout
    assert "\x1b[2m–" in done.stdout  # noqa: RUF001 - what stands there
    narrow = explain_all(place, BENCH, **env, COLUMNS="40").stdout
    short = shortened("generic", "broadwell", "about", "gpu", "arm").values()
    words = (*short, "unknown/unknown", "cpu:broadwell", "type1", "type4", "rewritten")
    assert all(word in narrow for word in words)
    assert "…" not in narrow


def test_each_answer_has_its_word(place: Path) -> None:
    """Also where nothing is served, or all of it."""
    done = explain_all(place, SKYLAKE)
    assert done.stdout.splitlines()[-1].split() == ["answer", "refused", "refused"]
    plain = as_bytes(index(entry("one")))
    done = explain_all(place, plain)
    assert done.stdout.splitlines()[-1].split() == ["answer", "unchanged", "unchanged"]


def test_a_script_reads_all_of_it(place: Path) -> None:
    """A list of what it reads of one machine type, with the reasons."""
    shown = json.loads(explain_all(place, BENCH, "--json").stdout)
    assert shown == [
        json.loads(explain(place, BENCH, "--type", name, "--json").stdout)
        for name in ("type1", "type4")
    ]


def test_many_machine_types_stand_side_by_side(place: Path) -> None:
    """In a pipe no line is cut or broken."""
    many = ", ".join(f"machine{number}: {{features: [cpu:broadwell]}}" for number in range(60))
    rules = f"machine_types: {{{many}}}\nclients: []\nregistries: [docker.io]\n"
    write(place / "rules", {"a.yaml": rules})
    lines = explain_all(place, BENCH).stdout.splitlines()
    assert len(lines) == 8
    assert lines[1].split()[-1] == "machine59"
    assert len(lines[-1].split()) == 1 + 2 * 60


def test_a_terminal_obeys_nothing_that_upstream_wrote(place: Path) -> None:
    """Escape sequences are shown, and not sent."""
    body = as_bytes(index(entry("evil", "x\x1b[2J[red]", platform="linux/\x1b[2J")))
    done = explain_all(place, body)
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    assert "[red]" in done.stdout
