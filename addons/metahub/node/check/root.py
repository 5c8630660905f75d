"""The files of a node, below the directory where they lie.

Knows files that are there, that are not, and that are somebody else's. Must not know what is in
them.
"""

import os
from dataclasses import dataclass
from pathlib import Path

AS_ROOT = "Ask again as root, who may read it."


class UnreadableError(Exception):
    """A file is there that this user may not read, or nobody can. The message is a sentence."""

    def __init__(self, path: str, reason: str, remedy: str = AS_ROOT) -> None:
        super().__init__(f"{path} cannot be read ({reason}).")
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Root:
    """`/`, or where another node's is mounted. Paths are those of the node, from its `/` on."""

    directory: Path = Path("/")

    def at(self, path: str) -> Path:
        """Where a file of the node lies here."""
        return self.directory / path.lstrip("/")

    def content(self, path: str) -> bytes | None:
        """What is in a file; None if there is none. Raises UnreadableError."""
        try:
            return self.at(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ProcessLookupError):
            return None
        except OSError as error:
            raise UnreadableError(path, error.strerror or str(error)) from error

    def text(self, path: str) -> str | None:
        """The same as text, whatever bytes it holds. Raises UnreadableError."""
        content = self.content(path)
        return None if content is None else content.decode(errors="replace")

    def files(self, directory: str, pattern: str = "*") -> list[str]:
        """The paths of what is in a directory, in the order of their names."""
        found = sorted(self.at(directory).glob(pattern))
        return [f"{directory.rstrip('/')}/{path.name}" for path in found]

    def has(self, path: str) -> bool:
        """Whether something is there, as far as this user may see."""
        # Of Python 3.12 Path.exists() raises where a directory may not be entered.
        return os.path.exists(self.at(path))  # noqa: PTH110

    def changed(self, path: str) -> float:
        """When a file, or the link that leads to it, was last written; seconds of the Unix time."""
        file = self.at(path)
        return max(file.stat().st_mtime, file.lstat().st_mtime)
