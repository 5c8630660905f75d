"""A layer larger than memory would like, which takes no room on the disk of the registry.

Knows how docker-registry keeps blobs. Must not know who pulls.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from metahub.core.digest import Digest
from metahub.core.distribution import OCI_MANIFEST
from metahub.demo.images import OCI, Blob

MEBIBYTE = 1 << 20
UNCOMPRESSED = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True, slots=True)
class Zeros:
    """A layer of zeros, which is a tar archive of nothing."""

    size: int
    digest: Digest

    @classmethod
    def of(cls, mebibytes: int) -> "Zeros":
        """A layer of so many MiB."""
        hashed, piece = hashlib.sha256(), bytes(MEBIBYTE)
        for _ in range(mebibytes):
            hashed.update(piece)
        return cls(mebibytes * MEBIBYTE, Digest("sha256", hashed.hexdigest()))

    @property
    def config(self) -> Blob:
        """The config of an image that has no other layer."""
        rootfs = {"type": "layers", "diff_ids": [str(self.digest)]}
        told = {"architecture": "amd64", "os": "linux", "rootfs": rootfs}
        return Blob(OCI.config, json.dumps(told).encode())

    @property
    def manifest(self) -> Blob:
        """The manifest of that image."""
        layer = {"mediaType": UNCOMPRESSED, "digest": str(self.digest), "size": self.size}
        told = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.config.descriptor,
            "layers": [layer],
        }
        return Blob(OCI_MANIFEST, json.dumps(told).encode())

    def put(self, storage: Path, repository: str) -> None:
        """Lay the layer where a docker-registry with this storage finds it.

        https://github.com/distribution/distribution/blob/v2.8.1/registry/storage/paths.go#L26-L78
        """
        below, name = storage / "docker" / "registry" / "v2", self.digest.hex
        content = below / "blobs" / "sha256" / name[:2] / name / "data"
        link = below / "repositories" / repository / "_layers" / "sha256" / name / "link"
        for file in (content, link):
            file.parent.mkdir(parents=True, exist_ok=True)
        with content.open("wb") as sparse:
            sparse.truncate(self.size)
        link.write_text(str(self.digest))
