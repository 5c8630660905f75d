"""Every client of the matrix, under the name that its rows have, and the tables that it stands in.

Knows names and versions. Must not know what is tried.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.clients import later
from tests.e2e.clients.apptainer import Apptainer
from tests.e2e.clients.buildah import Buildah
from tests.e2e.clients.containerd import Containerd
from tests.e2e.clients.cosign import Cosign
from tests.e2e.clients.crane import Crane
from tests.e2e.clients.cri import Cri
from tests.e2e.clients.docker import Docker
from tests.e2e.clients.oras import Oras
from tests.e2e.clients.podman import Podman
from tests.e2e.clients.shape import Client
from tests.e2e.clients.skopeo import Skopeo
from tests.e2e.matrix.tables import Cell, Document, Table


@dataclass(frozen=True, slots=True)
class Contender:
    """A client, and the program of it that says its version."""

    name: str
    kind: type[Client]
    program: str
    takes_mirrors: bool = True

    @property
    def version(self) -> str:
        """Of what is here."""
        return self.kind.PROGRAMS.version(self.program)

    def cell(self, table: str, column: str, result: str) -> Cell:
        """A cell of this client's row."""
        return Cell(table, self.name, self.version, column, result)


CONTENDERS = (
    Contender("docker", Docker, "dockerd"),
    Contender("containerd (ctr)", Containerd, "containerd"),
    Contender("containerd (CRI)", Cri, "containerd"),
    Contender("podman", Podman, "podman"),
    Contender("buildah", Buildah, "buildah"),
    Contender("skopeo", Skopeo, "skopeo"),
    Contender("docker, trixie", later.TrixieDocker, "dockerd"),
    Contender("docker, forky", later.ForkyDocker, "dockerd"),
    Contender("docker, forky, containerd store", later.ForkyDockerOnContainerd, "dockerd"),
    Contender("containerd (ctr), trixie", later.TrixieContainerd, "containerd"),
    Contender("containerd (ctr), forky", later.ForkyContainerd, "containerd"),
    Contender("containerd (CRI), forky", later.ForkyCri, "containerd"),
    Contender("podman, trixie", later.TrixiePodman, "podman"),
    Contender("podman, forky", later.ForkyPodman, "podman"),
    Contender("buildah, forky", later.ForkyBuildah, "buildah"),
    Contender("skopeo, forky", later.ForkySkopeo, "skopeo"),
    Contender("crane, forky", Crane, "crane", takes_mirrors=False),
    Contender("oras, forky", Oras, "oras", takes_mirrors=False),
    Contender("cosign, forky", Cosign, "cosign", takes_mirrors=False),
    Contender("apptainer, sid", Apptainer, "apptainer", takes_mirrors=False),
)
NAMES = tuple(contender.name for contender in CONTENDERS)

TRIED = Table(
    "what is tried",
    (
        "a tag",
        "again",
        "`@D'`",
        "`@D`",
        "a tag that moved",
        "`a/b/c`",
        "two types at once",
        "push",
        "denied",
        "unknown",
    ),
    NAMES,
)
REGISTRIES = Table(
    "registries",
    (
        "open",
        "password",
        "token",
        "no TLS",
        "blobs elsewhere",
        "no digest on HEAD",
        "no HEAD",
        "gzip",
        "HTTP/2",
    ),
    NAMES,
)
WAYS = Table(
    "ways in",
    (
        "user",
        "address",
        "`https://` proxy",
        "IPv6",
        "redirected",
        "another proxy behind",
        "mirror",
    ),
    NAMES,
)
WORDS = Table("words", ("what a person reads where no build fits",), NAMES)

_ROOT = Path(__file__).parents[3]
_PAGE = _ROOT / "docs" / "clients.md"

SUMMED_UP = (TRIED, REGISTRIES, WAYS)
SUM = Table("clients", tuple(table.name for table in SUMMED_UP), NAMES)
DOCUMENTS = (
    Document(_ROOT / "README.md", SUM),
    *(Document(_PAGE, table) for table in (*SUMMED_UP, WORDS)),
)
