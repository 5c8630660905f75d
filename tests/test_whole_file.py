"""Files that are there whole or not at all."""

import os
from pathlib import Path

import pytest

from metahub import whole_file


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Whoever has the old one open reads that to its end."""
    file = tmp_path / "file"
    whole_file.write(file, b"old", 0o600)
    with file.open("rb") as opened:
        whole_file.write(file, b"new", 0o644)
        assert opened.read() == b"old"
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o644)
    assert list(tmp_path.iterdir()) == [file]


def test_the_first_of_a_name_stays(tmp_path: Path) -> None:
    """Be it but a link that leads nowhere."""
    file = tmp_path / "file"
    assert whole_file.write_first(file, b"first", 0o600)
    assert not whole_file.write_first(file, b"second", 0o644)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"first", 0o600)
    (tmp_path / "link").symlink_to("nowhere")
    assert not whole_file.write_first(tmp_path / "link", b"", 0o600)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the disk is full."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        whole_file.write(tmp_path / "file", b"content", 0o600)
    assert list(tmp_path.iterdir()) == []


def test_copies_that_fail_leave_nothing(tmp_path: Path) -> None:
    """No part of a key lies about in a directory that nobody was told of."""
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError):
        whole_file.copy_away([tmp_path / "file", tmp_path / "gone"], "kept-")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_copies_lie_where_nobody_else_may_look(tmp_path: Path) -> None:
    """Each as it was, in a directory that is new every time."""
    file = tmp_path / "file"
    whole_file.write(file, b"content", 0o640)
    one, two = (whole_file.copy_away([file], "kept-") for _ in range(2))
    assert one != two
    for kept in (one, two):
        assert kept.parent == tmp_path
        assert kept.stat().st_mode & 0o777 == 0o700
        assert (kept / "file").stat().st_mode & 0o777 == 0o640
