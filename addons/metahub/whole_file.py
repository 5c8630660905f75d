"""Files that are there whole or not at all, whatever happens while they are written.

Knows the file system. Must not know what is in them.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path


def write(file: Path, content: bytes, mode: int) -> None:
    """Write a file, or put it in the place of the one that is there."""
    with beside(file, content, partial(os.fchmod, mode=mode)) as new:
        new.replace(file)


def write_first(file: Path, content: bytes, mode: int) -> bool:
    """Write a file unless there is one of that name; False if there is, be it since a moment."""
    with beside(file, content, partial(os.fchmod, mode=mode)) as new:
        try:
            file.hardlink_to(new)
        except FileExistsError:
            return False
    return True


def copy_away(files: list[Path], prefix: str) -> Path:
    """Copy files into a new directory beside the first, which nobody but its owner may enter."""
    parent = files[0].parent
    directory = parent / Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).name
    try:
        for file in files:
            shutil.copy2(file, directory)
    except OSError:  # half of a key is nothing to keep
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return directory


@contextmanager
def beside(file: Path, content: bytes, prepare: Callable[[int], None]) -> Iterator[Path]:
    """The content on the disk, in the same directory; its name there is gone afterwards.

    `prepare` gets the descriptor of what is written, to say whose it is and who may read it.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            prepare(descriptor)
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)
        yield new
    finally:
        new.unlink(missing_ok=True)
    _sync(file.parent)


def _sync(directory: Path) -> None:
    """Let the new name outlive a loss of power. What is renamed is in place, whatever comes now."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
