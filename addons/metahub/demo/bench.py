"""qnib/bench: its four builds, and the table of who gets which. The only place that states it.

Knows what is expected; must not know how anybody gets it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from metahub.demo.images import OCI, Build, Format, IndexedImages, index_of

REPOSITORY = "qnib/bench"
TAG = "latest"

GENERIC = Build(">> This container is not optimized for a specific microarchitecture")
BROADWELL = Build(">> This container is optimized for: cpu:broadwell", ("cpu:broadwell",))
SKYLAKE = Build(">> This container is optimized for: cpu:skylake", ("cpu:skylake",))
BROADWELL_WITH_GPU = Build(
    ">> This container is optimized for: cpu:broadwell,nvcap:5.2",
    ("cpu-broadwell", "nvcap-5.2"),  # the talk spells features in both ways
)
BUILDS = (GENERIC, BROADWELL, SKYLAKE, BROADWELL_WITH_GPU)

WITHOUT_METAHUB = GENERIC  # runtimes take the first entry of their platform


@dataclass(frozen=True, slots=True)
class User:
    """A row of the table: a user of the proxy, its machine type, and the build that it gets."""

    name: str
    machine_type: str
    description: str
    features: tuple[str, ...]
    gets: Build

    @property
    def password(self) -> str:
        """The user's own name, as in the talk: it protects nothing."""
        return self.name


TABLE = (
    User("qnib-type1", "type1", "Broadwell", ("cpu:broadwell",), BROADWELL),
    User("qnib-type2", "type2", "Skylake", ("cpu:skylake",), SKYLAKE),
    User("qnib-type3", "type3", "Coffee Lake", ("cpu:coffelake",), GENERIC),
    User(
        "qnib-type4",
        "type4",
        "Broadwell, Tesla M60",
        ("cpu:broadwell", "nvcap:5.2"),
        BROADWELL_WITH_GPU,
    ),
)


def qnib_bench(
    image_format: Format = OCI, architectures: Iterable[str] = ("amd64",)
) -> IndexedImages:
    """The index of the four builds, each for every one of the architectures."""
    wanted = tuple(architectures)
    builds = (replace(build, architecture=name) for build in BUILDS for name in wanted)
    return index_of(builds, image_format)
