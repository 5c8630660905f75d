"""Rules written to a directory by a test, and what reading them says."""

from collections.abc import Mapping
from pathlib import Path

from metahub.rules import Rules, RulesError, read_rules

BASE = {
    "machine_types": "machine_types: {type1: {}, type2: {}}",
    "clients": "clients: []",
    "registries": "registries: [docker.io, ghcr.io]",
}
"""What rules need; a test writes one part of its own, and gets the others."""


HASH = "$2b$12$" + "." * 53
"""A bcrypt hash of no known password."""

OTHER = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$8pFRpLZkvJKZU6G+3IqlWg"
"""An argon2id hash of no known password."""


def whole(part: str) -> str:
    """A part of the rules, its lines first, and what is missing for the whole behind it."""
    written = {line.partition(":")[0] for line in part.splitlines()}
    missing = [text for key, text in BASE.items() if key not in written]
    return "\n".join([part, *missing, ""])


def write(directory: Path, files: Mapping[str, str | bytes]) -> Path:
    """A directory of these files."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        written = content.encode() if isinstance(content, str) else content
        (directory / name).write_bytes(written)
    return directory


def read(tmp_path: Path, part: str) -> Rules:
    """The rules that a part and the base make."""
    return read_rules(write(tmp_path / "rules", {"a.yaml": whole(part)}))


def mistakes(directory: Path) -> str:
    """What reading a directory says is wrong with it, the directory called `rules`."""
    try:
        read_rules(directory)
    except RulesError as error:
        return str(error).replace(str(directory), "rules")
    return ""


def mistakes_of(tmp_path: Path, part: str) -> str:
    """What is wrong with rules that a part and the base make."""
    return mistakes(write(tmp_path / "rules", {"a.yaml": whole(part)}))
