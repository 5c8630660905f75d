"""The clients of later suites that differ from Debian's of today in nothing but their programs."""

from typing import ClassVar

from tests.e2e.clients import newer
from tests.e2e.clients.buildah import Buildah
from tests.e2e.clients.containerd import Containerd
from tests.e2e.clients.cri import Cri
from tests.e2e.clients.docker import Docker, Store
from tests.e2e.clients.podman import Podman
from tests.e2e.clients.programs import Programs
from tests.e2e.clients.skopeo import Skopeo


class TrixieDocker(Docker):
    """docker 26."""

    PROGRAMS: ClassVar[Programs] = newer.TRIXIE


class ForkyDocker(Docker):
    """docker 28 or newer."""

    PROGRAMS: ClassVar[Programs] = newer.FORKY


class ForkyDockerOnContainerd(Docker):
    """The same with containerd's store, the default of newer versions."""

    PROGRAMS: ClassVar[Programs] = newer.FORKY
    STORE: ClassVar[Store] = Store.CONTAINERD


class TrixieContainerd(Containerd):
    """containerd 1.7."""

    PROGRAMS: ClassVar[Programs] = newer.TRIXIE


class ForkyContainerd(Containerd):
    """containerd 2."""

    PROGRAMS: ClassVar[Programs] = newer.FORKY


class ForkyCri(Cri):
    """A kubelet's containerd 2."""

    PROGRAMS: ClassVar[Programs] = newer.FORKY


class TrixiePodman(Podman):
    """podman 5.4."""

    PROGRAMS: ClassVar[Programs] = newer.TRIXIE


class ForkyPodman(Podman):
    """podman 5.8 or newer."""

    PROGRAMS: ClassVar[Programs] = newer.FORKY


class ForkyBuildah(Buildah):
    """buildah 1.43 or newer."""

    PROGRAMS: ClassVar[Programs] = newer.FORKY


class ForkySkopeo(Skopeo):
    """skopeo 1.22 or newer."""

    PROGRAMS: ClassVar[Programs] = newer.FORKY
