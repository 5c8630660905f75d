"""The files of a rules directory as they are at one moment.

Knows which files are read, and how large they may be. Must not know YAML.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from metahub.rules.mistake import Mistake, Place, RulesError

MAX_FILE_BYTES = 1024 * 1024
"""Ours: some six thousand users, which are read in less than a second."""

_ENDING = ".yaml"
_ENDINGS_LIKE_IT = {".yaml", ".yml"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the rules: its content, or what is wrong with the file itself."""

    file: Path
    content: bytes = b""
    mistake: Mistake | None = None


def read_sources(directory: Path) -> tuple[Source, ...]:
    """Every file that is part of the rules, in name order.

    Hidden files are none: editors keep swap files, and Kubernetes its `..data`. Raises RulesError
    for a directory that cannot be read or holds no rules.
    """
    try:
        files = sorted(file for file in directory.iterdir() if _is_meant_as_rules(file))
    except OSError as error:
        raise _unusable(directory, f"no readable directory ({error.strerror})") from error
    if not files:
        raise _unusable(directory, f"no *{_ENDING} file in it")
    return tuple(map(_read, files))


def fingerprint(sources: Iterable[Source]) -> str:
    """A short name of what the sources say: the same name, the same rules or mistakes."""
    hashed = hashlib.sha256()
    for source in sources:
        content = hashlib.sha256(source.content).hexdigest()
        hashed.update(f"{source.file}\0{content}\0{source.mistake}\0".encode(errors="replace"))
    return hashed.hexdigest()


def _is_meant_as_rules(file: Path) -> bool:
    return not file.name.startswith(".") and file.suffix.lower() in _ENDINGS_LIKE_IT


def _unusable(directory: Path, found: str) -> RulesError:
    expected = f"a directory with the rules in *{_ENDING} files"
    return RulesError([Mistake(Place(directory), (), found, expected)])


def _read(file: Path) -> Source:
    if file.suffix != _ENDING:
        return _unread(file, f"the ending {file.suffix}", f"{file.with_suffix(_ENDING).name}")
    try:
        return _read_regular(file)
    except OSError as error:
        return _unread(file, f"a file that cannot be read ({error.strerror})", "a readable file")


def _read_regular(file: Path) -> Source:
    if file.exists() and not file.is_file():
        return _unread(file, "something else", "a file")
    with file.open("rb") as opened:
        content = opened.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        return _unread(file, f"more than {MAX_FILE_BYTES} bytes", "a smaller file, or several")
    return Source(file, content)


def _unread(file: Path, found: str, expected: str) -> Source:
    return Source(file, mistake=Mistake(Place(file), (), found, expected))
