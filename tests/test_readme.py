"""The README says what is true: its commands run, its rules are valid, its links lead somewhere."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from metahub.config import OPTIONS
from metahub.demo.bench import qnib_bench
from metahub.rules import read_rules

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$8pFRpLZkvJKZU6G+3IqlWg"

BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)#]+)\)")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [match["text"] for match in BLOCK.finditer(README) if match["language"] == language]


def commands() -> list[list[str]]:
    """What a reader types, without the comment behind it."""
    lines = (line for block in blocks("console") for line in block.splitlines())
    return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]


def metahub(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of MetaHub in a directory."""
    command = (sys.executable, "-m", "metahub", *arguments)
    environment = {"PYTHONPATH": str(ROOT / "addons"), "HOME": str(directory)}
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A directory with what the commands need: the rules, and an index."""
    shutil.copytree(ROOT / "metahub_rules", tmp_path / "metahub_rules")
    (tmp_path / "index.json").write_bytes(qnib_bench().index.content)
    return tmp_path


def test_there_are_commands_to_check() -> None:
    """The tests below would say nothing of a README written in another way."""
    assert len(commands()) >= 5


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_a_command_runs(command: Sequence[str], copy: Path) -> None:
    """`make` has the target; `metahub` does what is said."""
    program, *arguments = command
    if program == "make":
        asked = subprocess.run(
            ["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, check=False
        )
        assert asked.returncode == 0, asked.stderr
        return
    assert program == "metahub"
    done = metahub(*arguments, directory=copy)
    assert done.returncode == 0, done.stderr


def test_the_rules_are_valid(tmp_path: Path) -> None:
    """As they stand there, but for the hash, which is shortened."""
    block, listed = blocks("yaml")
    shortened = "$argon2id$v=19$…"
    assert shortened in block
    (tmp_path / "rules.yaml").write_text(block.replace(shortened, HASH), encoding="utf-8")
    (tmp_path / "bench.yaml").write_text(listed, encoding="utf-8")
    rules = read_rules(tmp_path)
    assert set(rules.machine_types) == {"type4"}
    assert len(rules.registries) == 3
    assert len(rules.lists) == 1
    assert not rules.warnings


def test_the_options_of_explain_are_there(copy: Path) -> None:
    """Asked as a client, printed for scripts, written to a file."""
    as_a_user = (
        "--index",
        "index.json",
        "--user",
        "qnib-type4",
        "--json",
        "--output",
        "served.json",
    )
    done = metahub("explain", *as_a_user, directory=copy)
    assert json.loads(done.stdout)["result"] == "rewritten"
    assert (copy / "served.json").exists()
    for address, code in (("192.0.2.7", 0), ("198.51.100.1", 1)):
        asked = ("--index", "index.json", "--address", address)
        assert metahub("explain", *asked, directory=copy).returncode == code


def test_an_image_is_explained_as_it_says(copy: Path) -> None:
    """As far as that goes without a registry: what is asked for is understood, and who asks."""
    (line,) = re.findall(r"`metahub (explain [^`-]\S+ .*?)`", README)
    nobody = "http://localhost:1"
    done = metahub(*shlex.split(line), "--proxy", nobody, directory=copy)
    said = "metahub explain: registry-1.docker.io: the proxy cannot be reached\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_all_machine_types_are_shown(copy: Path) -> None:
    """Each in a column."""
    done = metahub("explain", "--index", "index.json", "--all-types", directory=copy)
    assert done.stdout.splitlines()[1].split()[-4:] == ["type1", "type2", "type3", "type4"]


def test_the_credentials_that_are_shown(copy: Path) -> None:
    """A user comes and goes as it says, and the rules are as before."""
    (line,) = re.findall(r"`metahub (credentials add node[^`]+)`", README)
    where = ("--rules", "metahub_rules", "--proxy", "proxy.example.com:8080")
    rules = copy / "metahub_rules" / "20-clients.yaml"
    before = rules.read_bytes()
    assert "HTTPS_PROXY=http://node7:" in metahub(*shlex.split(line), *where, directory=copy).stdout
    gone = metahub("credentials", "remove", "node7", *where[:2], directory=copy)
    assert (gone.returncode, rules.read_bytes()) == (0, before)


@pytest.mark.parametrize("target", sorted({match["target"] for match in LINK.finditer(README)}))
def test_a_link_leads_somewhere(target: str) -> None:
    """To a file of the repository, or to another site by HTTPS."""
    assert target.startswith("https://") or (ROOT / target).exists()


def test_every_option_of_ours_is_explained() -> None:
    """In config.yaml, which the README sends its reader to."""
    shown = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for option in OPTIONS:
        assert shown[option.name] == option.default
