"""/proc/cpuinfo: one block of `key : value` for each CPU.

Knows the form of the file. Must not know what the keys mean.
https://docs.kernel.org/filesystems/proc.html#kernel-data
"""

import re
from collections.abc import Mapping

type Block = Mapping[str, str]

_BLANK_LINES = re.compile(r"\n[ \t]*\n")


def blocks(text: str) -> tuple[Block, ...]:
    """A mapping for each CPU; blocks that are not of a CPU (POWER's machine) are left out."""
    return tuple(
        block for part in _BLANK_LINES.split(text) if "processor" in (block := _block(part))
    )


def _block(text: str) -> Block:
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}
