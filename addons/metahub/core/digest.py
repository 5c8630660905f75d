"""A digest: parse, compute, verify.

Knows the OCI digest grammar and its registered algorithms. Must not know what the content is.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

# https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#registered-algorithms
_HEX_LENGTHS = {"sha256": 64, "sha512": 128}
_GRAMMAR = re.compile(r"(?P<algorithm>[a-z0-9]+):(?P<hex>[0-9a-f]+)")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The name of some content, made from the content itself.

    Comes from `Digest.parse` or `Digest.of`, and is well-formed by construction.
    """

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `algorithm:hex`. Raises ValueError for any other form or another algorithm."""
        match = _GRAMMAR.fullmatch(text)
        if match is None or len(match["hex"]) != _HEX_LENGTHS.get(match["algorithm"]):
            raise ValueError(f"expected a digest like sha256:<64 hex digits>, found {text[:160]!r}")
        return cls(match["algorithm"], match["hex"])

    @classmethod
    def of(cls, content: bytes) -> Self:
        """The sha256 digest of `content`."""
        return cls("sha256", hashlib.sha256(content).hexdigest())

    def verifies(self, content: bytes) -> bool:
        """True if `content` is what this digest names."""
        return hashlib.new(self.algorithm, content).hexdigest() == self.hex

    @property
    def short(self) -> str:
        """Twelve hex digits, as docker prints an image ID: for people, never for comparison."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
