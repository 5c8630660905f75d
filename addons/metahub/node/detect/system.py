"""The kernel, the C library, and the platform.

Knows how they say their versions. Must not know what needs which.
"""

import re
from collections.abc import Iterator

from metahub.core.machine import Platform
from metahub.node.detect.detection import Finding, Unknown, feature
from metahub.node.detect.machine import Machine, UnreadableError

OSRELEASE = "/proc/sys/kernel/osrelease"
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_MUSL = re.compile(r"ld-musl-.+\.so\.1")

# uname's word -> Go's architecture and variant, where they differ.
# https://github.com/containerd/platforms/blob/v1.0.0/cpuinfo_linux.go
_ARCHITECTURES = {
    "armv5tel": ("arm", "v5"),
    "armv6l": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv8l": ("arm", "v8"),
    "i586": ("386", ""),
    "i686": ("386", ""),
    "loongarch64": ("loong64", ""),
}


def platform(machine: Machine) -> Platform:
    """The platform in the words of the runtimes, the variant of Arm with it."""
    word = machine.architecture
    return Platform.of("linux", *_ARCHITECTURES.get(word, (word, "")))


def kernel(machine: Machine) -> Iterator[Finding | Unknown]:
    """The version without what a distribution adds, whose numbers mean something else to each."""
    try:
        release = machine.text(OSRELEASE)
    except UnreadableError as error:
        yield Unknown("kernel", str(error))
        return
    yield from kernel_finding(release, OSRELEASE)


def kernel_finding(release: str, source: str) -> Iterator[Finding | Unknown]:
    """`6.1.0-47-amd64` is at least 6.1.0, and nothing more can be said of it."""
    version = _VERSION.match(release)
    if version is None:
        yield Unknown("kernel", f"{source} says {release!r}, which is no version")
        return
    yield Finding("kernel", release, source, (feature("kernel", version[0]),))


def libc(machine: Machine) -> Iterator[Finding | Unknown]:
    """The version of glibc, which its own loader tells."""
    name, _, version = (machine.libc or "").partition(" ")
    if name == "glibc" and version:
        source = "confstr CS_GNU_LIBC_VERSION"
        yield Finding("C library", f"glibc {version}", source, (feature("glibc", version),))
        return
    musl = next(filter(_MUSL.fullmatch, machine.names_or_none("/lib")), None)
    if musl:
        yield Unknown(
            "C library", f"it is musl (/lib/{musl}), which does not tell its version here"
        )
        return
    yield Unknown("C library", "it does not say that it is glibc")
