"""Every client there is: those that run containers, a kubelet's, and those that copy images."""

from tests.e2e.clients.buildah import Buildah
from tests.e2e.clients.containerd import Containerd
from tests.e2e.clients.cri import Cri
from tests.e2e.clients.docker import Docker
from tests.e2e.clients.podman import Podman
from tests.e2e.clients.skopeo import Skopeo

RUNTIMES = (Docker, Containerd, Podman)
COPIERS = (Skopeo, Buildah)
CLIENTS = (*RUNTIMES, Cri, *COPIERS)
