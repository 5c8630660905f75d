"""Edits that reach the files of the rules: whole, in their place, and none of two lost."""

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metahub.rules import (
    Edit,
    EditError,
    RulesError,
    RulesText,
    UnwritableError,
    edit_rules,
    read_rules,
)
from tests.rules.written import BASE, OTHER, whole, write

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)


def add(rules: RulesText) -> Edit:
    """A user more."""
    return rules.with_user("new", OTHER, "type1", NOW)


def names(directory: Path) -> list[str]:
    """All that is in a directory, hidden or not."""
    return sorted(file.name for file in directory.iterdir())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Rules without users."""
    return write(tmp_path / "rules", {"a.yaml": whole(""), "b.yaml": "unknown_clients: deny\n"})


def test_an_edit_is_in_its_file(directory: Path) -> None:
    """Which is told; nothing else is left in the directory, and the other file is not touched."""
    other = (directory / "b.yaml").stat()
    edit = edit_rules(directory, add)
    assert edit.file == directory / "a.yaml"
    assert edit.file.read_bytes() == edit.after
    assert set(read_rules(directory).password_hashes) == {"new"}
    assert names(directory) == ["a.yaml", "b.yaml"]
    assert (directory / "b.yaml").stat() == other


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o664])
def test_mode_and_owner_stay(directory: Path, mode: int) -> None:
    """A proxy of another user has to read it still; a file of somebody else needs root."""
    file = directory / "a.yaml"
    if os.getuid() == 0:
        os.chown(file, 12345, 54321)
    file.chmod(mode)
    before = file.stat()
    edit_rules(directory, add)
    after = file.stat()
    assert stat.S_IMODE(after.st_mode) == mode
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_link_stays_one(directory: Path, tmp_path: Path) -> None:
    """What it leads to is edited: it may be a working copy of git."""
    target = tmp_path / "elsewhere" / "a.yaml"
    target.parent.mkdir()
    link = (directory / "a.yaml").rename(target)
    (directory / "a.yaml").symlink_to(link)
    edit = edit_rules(directory, add)
    assert (directory / "a.yaml").is_symlink()
    assert target.read_bytes() == edit.after
    assert edit.file == directory / "a.yaml"


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_cannot_be_written_changes_nothing(directory: Path) -> None:
    """What would have been written is at hand, for a person to write it elsewhere."""
    before = (directory / "a.yaml").read_bytes()
    with full_disk(), pytest.raises(UnwritableError) as caught:
        edit_rules(directory, add)
    assert str(caught.value) == f"{directory}/a.yaml cannot be written (File too large)"
    assert "user: new" in caught.value.edit.lines
    assert (directory / "a.yaml").read_bytes() == before
    assert names(directory) == ["a.yaml", "b.yaml"]


def test_what_an_editor_saves_meanwhile_is_not_lost(directory: Path) -> None:
    """It takes no lock, so the file is looked at once more before it is replaced."""
    file = directory / "a.yaml"

    def edit(rules: RulesText) -> Edit:
        file.write_text(whole("unknown_clients: pass"))
        return add(rules)

    with pytest.raises(EditError) as caught:
        edit_rules(directory, edit)
    assert str(caught.value) == f"{file} was changed by somebody else meanwhile: try again"
    assert file.read_text() == whole("unknown_clients: pass")
    assert names(directory) == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize("files", [{}, {"a.yaml": "clients: 1"}], ids=["none", "wrong"])
def test_rules_that_cannot_be_read_are_not_edited(tmp_path: Path, files: dict[str, str]) -> None:
    """All that is wrong is told, as by the check."""
    directory = write(tmp_path / "rules", files)
    with pytest.raises(RulesError):
        edit_rules(directory, add)
    with pytest.raises(RulesError, match="found no readable directory"):
        edit_rules(directory / "none", add)
    assert {file.name: file.read_text() for file in directory.iterdir()} == files


ADD_ONE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from metahub.rules import edit_rules
for number in range(5):
    user = f"{sys.argv[2]}{number}"
    edit_rules(
        Path(sys.argv[1]),
        lambda rules: rules.with_user(user, sys.argv[3], "type1", datetime.now(UTC)),
    )
"""


def test_two_who_edit_at_once_both_get_what_they_want(tmp_path: Path) -> None:
    """In processes of their own; what one has written, the other builds upon."""
    directory = write(tmp_path / "rules", {"a.yaml": "\n".join(BASE.values())})
    adding = [
        subprocess.Popen([sys.executable, "-c", ADD_ONE, directory, name, OTHER])
        for name in ("anna", "bert", "carl")
    ]
    try:
        assert [one.wait(60) for one in adding] == [0, 0, 0]
    finally:
        for one in adding:
            one.kill()
    assert len(read_rules(directory).password_hashes) == 15
    assert names(directory) == ["a.yaml"]
