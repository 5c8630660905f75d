"""Which files are rules, and which cannot be."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from metahub.rules.source import fingerprint, read_sources
from tests.rules.written import BASE, mistakes, write


def nothing(directory: Path) -> None:
    """There is no directory."""


def a_file(directory: Path) -> None:
    """A file is called like the directory."""
    directory.touch()


def an_empty_directory(directory: Path) -> None:
    """A directory that holds no rules, but files of others."""
    write(directory, {"README.md": "", ".a.yaml": ""})


def a_directory_in_it(directory: Path) -> None:
    """A directory is called like a file."""
    (directory / "a.yaml").mkdir(parents=True)


def a_pipe_in_it(directory: Path) -> None:
    """Nobody writes to it, so that reading it would last for ever."""
    directory.mkdir()
    os.mkfifo(directory / "a.yaml")


def a_dangling_link(directory: Path) -> None:
    """A file that was removed behind its link."""
    directory.mkdir()
    (directory / "a.yaml").symlink_to("nowhere")


def another_ending(directory: Path) -> None:
    """A file that its author takes for rules."""
    write(directory, {"a.YAML": "", "b.yml": ""})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            nothing,
            "rules: found no readable directory (No such file or directory), expected a directory"
            " with the rules in *.yaml files",
        ),
        (
            a_file,
            "rules: found no readable directory (Not a directory), expected a directory with the"
            " rules in *.yaml files",
        ),
        (
            an_empty_directory,
            "rules: found no *.yaml file in it, expected a directory with the rules in *.yaml"
            " files",
        ),
        (a_directory_in_it, "rules/a.yaml: found something else, expected a file"),
        (a_pipe_in_it, "rules/a.yaml: found something else, expected a file"),
        (
            a_dangling_link,
            "rules/a.yaml: found a file that cannot be read (No such file or directory), expected"
            " a readable file",
        ),
        (
            another_ending,
            "rules/a.YAML: found the ending .YAML, expected a.yaml\n"
            "rules/b.yml: found the ending .yml, expected b.yaml",
        ),
    ],
)
def test_what_cannot_be_rules_is_told(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    """In one sentence, and nothing is called missing besides."""
    make(tmp_path / "rules")
    assert mistakes(tmp_path / "rules") == said


def test_a_fingerprint_names_the_content(tmp_path: Path) -> None:
    """The same for the same files, another for another content or name."""
    base = "\n".join(BASE.values())
    directory = write(tmp_path, {"a.yaml": base})
    first = fingerprint(read_sources(directory))
    (directory / "a.yaml").touch()
    assert fingerprint(read_sources(directory)) == first
    (directory / "b.yaml").touch()
    second = fingerprint(read_sources(directory))
    (directory / "b.yaml").rename(directory / "c.yaml")
    third = fingerprint(read_sources(directory))
    (directory / "c.yaml").write_text("#")
    assert len({first, second, third, fingerprint(read_sources(directory))}) == 4
