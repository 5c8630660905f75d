"""Platform and machine type.

Knows how platforms are spelt and when two are the same. Must not know clients or indexes.
"""

import re
from dataclasses import dataclass, field
from typing import Self

from metahub.core.feature import Feature

# The spellings that containerd takes for one architecture.
# https://github.com/containerd/platforms/blob/v1.0.0/database.go
_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "i386": "386",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
}
_OPERATING_SYSTEMS = {"macos": "darwin"}

# A variant that says no more than the architecture does.
_IMPLIED_VARIANTS = {("amd64", "v1"), ("arm64", "v8"), ("arm64", "8"), ("arm", "v7"), ("arm", "7")}

_PLATFORM = re.compile(r"[a-z0-9._-]+/[a-z0-9._-]+(?:/[a-z0-9._-]+)?")


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """An operating system and an architecture, in Go's spelling (`linux`, `amd64`).

    The variant belongs to a platform on Arm only, where a client chooses by it; that of amd64 is a
    requirement (`cpu:x86_64_v3`). The version is that of Windows, by which clients choose too.
    """

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    @classmethod
    def of(cls, os: str, architecture: str, variant: str = "", os_version: str = "") -> Self:
        """The platform in its one spelling: `aarch64` is `arm64`, and `arm64/v8` is `arm64`."""
        system = _OPERATING_SYSTEMS.get(os.lower(), os.lower())
        architecture = _ARCHITECTURES.get(architecture.lower(), architecture.lower())
        if architecture == "amd64" or (architecture, variant.lower()) in _IMPLIED_VARIANTS:
            variant = ""
        return cls(system, architecture, variant.lower(), os_version)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `os/architecture` or `os/architecture/variant`. Raises ValueError otherwise."""
        if _PLATFORM.fullmatch(text.lower()) is None:
            raise ValueError(f"expected a platform like linux/amd64, found {text!r}")
        return cls.of(*text.split("/"))

    def covers(self, other: "Platform") -> bool:
        """True if `other` is this platform, or a variant or version of it where none is named."""
        return (
            (self.os, self.architecture) == (other.os, other.architecture)
            and self.variant in ("", other.variant)
            and self.os_version in ("", other.os_version)
        )

    def __str__(self) -> str:
        name = "/".join(part for part in (self.os, self.architecture, self.variant) if part)
        return f"{name} ({self.os_version})" if self.os_version else name


@dataclass(frozen=True, slots=True)
class MachineType:
    """A named set of features, with a platform if it wants one."""

    name: str
    features: frozenset[Feature] = field(default_factory=frozenset)
    platform: Platform | None = None
    description: str = ""

    def __str__(self) -> str:
        offers = ", ".join(str(feature) for feature in sorted(self.features)) or "no features"
        return f"{self.name} ({offers})"
