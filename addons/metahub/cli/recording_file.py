"""A file that something was recorded in, or a pipe.

Knows files. Must not know what is in them.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from metahub.explaining.recorded import RecordingError

STDIN = Path("-")


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """The file, to be read. A RecordingError names it, also where it cannot be read at all."""
    try:
        if file == STDIN:
            yield sys.stdin.buffer
            return
        with file.open("rb") as stream:
            yield stream
    except OSError as error:
        raise RecordingError(f"{file} cannot be read: {error.strerror}") from error
    except RecordingError as error:
        raise RecordingError(f"{'stdin' if file == STDIN else file}: {error}") from error
