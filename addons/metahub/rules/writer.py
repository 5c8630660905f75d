"""Edits -> the files of the rules, each whole or not at all.

Knows locks, links and who owns a file. Must not know what is edited.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from metahub import whole_file
from metahub.rules.edit import Edit, EditError, RulesText
from metahub.rules.source import read_sources


class UnwritableError(EditError):
    """The file cannot be written; a person may still make the edit where it comes from."""

    def __init__(self, edit: Edit, why: str | None) -> None:
        super().__init__(f"{edit.file} cannot be written ({why})")
        self.edit = edit


def edit_rules(directory: Path, edit: Callable[[RulesText], Edit]) -> Edit:
    """Edit the rules of a directory, while nobody else does so in this way.

    Raises RulesError, EditError and UnwritableError, and has changed nothing then.
    """
    read_sources(directory)  # says what is wrong with the directory, if anything is
    with _locked(directory):
        made = edit(RulesText.of(directory, read_sources(directory)))
        try:
            _replace(made)
        except OSError as error:
            raise UnwritableError(made, error.strerror) from error
    return made


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One at a time. A file that is replaced cannot hold the lock itself; its directory can."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems of networks; then only the last look is left
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _replace(edit: Edit) -> None:
    """Put a new file in the place of the old one, of the same owner and mode, behind all links."""
    target = edit.file.resolve()
    with whole_file.beside(target, edit.after, partial(_make_alike, target)) as fresh:
        _refuse_if_changed(edit, target)
        fresh.replace(target)


def _make_alike(target: Path, number: int) -> None:
    wanted, fresh = target.stat(), os.fstat(number)
    if (wanted.st_uid, wanted.st_gid) != (fresh.st_uid, fresh.st_gid):
        os.fchown(number, wanted.st_uid, wanted.st_gid)
    os.fchmod(number, stat.S_IMODE(wanted.st_mode))


def _refuse_if_changed(edit: Edit, target: Path) -> None:
    """An editor takes no lock."""
    if target.read_bytes() != edit.before:
        raise EditError(f"{edit.file} was changed by somebody else meanwhile: try again")
