"""The ways in which a file of rules changes: a shell's, an editor's, Kubernetes'.

Knows files and links. Must not know what they contain.
"""

import uuid
from pathlib import Path


def overwrite(file: Path, text: str) -> None:
    """As `cat >` does."""
    file.write_text(text)


def rename_over(file: Path, text: str) -> None:
    """As an editor does."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(text)
    new.rename(file)


def swap_link(file: Path, text: str) -> None:
    """As a kubelet updates a mounted ConfigMap: the file leads over `..data`, which is replaced.

    https://github.com/kubernetes/kubernetes/blob/v1.31.0/pkg/volume/util/atomic_writer.go#L58
    """
    version = file.with_name(f"..{uuid.uuid4()}")
    version.mkdir()
    (version / file.name).write_text(text)
    _replace_link(file.with_name("..data"), version.name)
    if not file.is_symlink():
        _replace_link(file, f"..data/{file.name}")


def _replace_link(link: Path, target: str) -> None:
    new = link.with_name(f"..{uuid.uuid4()}")
    new.symlink_to(target)
    new.rename(link)
