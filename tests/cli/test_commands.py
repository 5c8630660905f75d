"""The commands by their names: what is listed, and what is imported for whom."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.cli.commands import COMMANDS

HEAVY = ["OpenSSL", "aiohttp", "cryptography", "mitmproxy", "pydantic", "sqlalchemy", "watchfiles"]
GROUPS = {
    "ca": ("create", "show", "rotate", "import"),
    "credentials": ("add", "rotate", "remove", "list"),
}


def say(*words: str) -> Result:
    """`metahub` with these words, on a wide terminal."""
    return CliRunner().invoke(app, words, env={"COLUMNS": "200"})


def in_one_line(text: str) -> str:
    """Without the boxes."""
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("words", [(), ("--help",)])
def test_every_command_is_listed(words: tuple[str, ...]) -> None:
    """With what it is for, whether one asks or does not know what to say."""
    listed = say(*words).output.partition("Commands")[2]
    rows = listed.splitlines()[1 : 1 + len(COMMANDS)]
    assert dict(row.strip("│ ").split(None, 1) for row in rows) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_line_is_what_the_command_says_of_itself(name: str) -> None:
    """Its first sentence, which the list knows without an import."""
    found = getattr(import_module(f"metahub.cli.{name}"), name)
    said = found.info.help if isinstance(found, typer.Typer) else found.__doc__
    assert " ".join(str(said).partition("\n\n")[0].split()) == COMMANDS[name]


@pytest.mark.parametrize(
    "words",
    [(name,) for name in COMMANDS] + [(name, one) for name in GROUPS for one in GROUPS[name]],
    ids=" ".join,
)
def test_each_has_a_help(words: tuple[str, ...]) -> None:
    """By the name that one types."""
    done = say(*words, "--help")
    assert done.exit_code == 0
    assert f"Usage: metahub {' '.join(words)} [OPTIONS]" in in_one_line(done.stdout)


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_lists_what_is_in_it(name: str) -> None:
    """Where one does not say which."""
    listed = say(name).output.partition("Commands")[2]
    assert (
        tuple(line.split()[1] for line in listed.splitlines()[1:-1] if line[2] != " ")
        == (GROUPS[name])
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cehck",), "No such command 'cehck'. Did you mean 'check'?"),
        (("zzz",), "No such command 'zzz'."),
        (("ca", "rotat"), "No such command 'rotat'. Did you mean 'rotate'?"),
        (("check", "--confg", "x"), "No such option: --confg"),
        (("--version",), "No such option: --version"),
    ],
)
def test_what_there_is_not(words: tuple[str, ...], said: str) -> None:
    """It is said with the nearest that there is."""
    done = say(*words)
    assert done.exit_code == 2
    assert said in in_one_line(done.stderr)


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ("--help", "aiohttp cryptography mitmproxy pydantic sqlalchemy watchfiles"),
        ("detect --json", "aiohttp cryptography mitmproxy sqlalchemy watchfiles"),
        ("setup --check --root /nowhere", "aiohttp mitmproxy sqlalchemy watchfiles"),
        ("credentials add --help", "aiohttp mitmproxy sqlalchemy"),
    ],
)
def test_nobody_waits_for_what_others_need(words: str, others: str) -> None:
    """Scripts on nodes call some of them. (typer itself brings pydantic, where there are words.)"""
    code = (
        "import sys\nfrom metahub.cli import app\n"
        f"app({words.split()}, standalone_mode=False)\n"
        f"print(*(name for name in {others.split()} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "\n")
