"""What a registry holds under one name, in memory: blobs, manifests, tags and unfinished uploads.

Knows what may be kept and how its absence is called; must not know HTTP. It never reads a manifest.
"""

import uuid
from dataclasses import dataclass, field

from metahub.core.digest import Digest
from metahub.core.distribution import Reference, Tag
from metahub.demo.images import Blob


class RegistryError(Exception):
    """An error in the words of the distribution spec: its code, and a sentence for a person.

    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(slots=True)
class Repository:
    """The content of one name, byte for byte as it was pushed."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    manifests: dict[Digest, Blob] = field(default_factory=dict)
    tags: dict[Tag, Digest] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)

    def manifest(self, reference: Reference) -> Blob:
        """The manifest that a tag or a digest names. Raises RegistryError."""
        digest = self.tags.get(reference) if isinstance(reference, Tag) else reference
        if digest is None or digest not in self.manifests:
            raise RegistryError("MANIFEST_UNKNOWN", f"no manifest {reference}")
        return self.manifests[digest]

    def put_manifest(self, reference: Reference, manifest: Blob) -> Digest:
        """Keep a manifest, and let the tag point to it. Raises RegistryError for a wrong digest."""
        if isinstance(reference, Tag):
            self.manifests[manifest.digest] = manifest
            self.tags[reference] = manifest.digest
            return manifest.digest
        _verify(reference, manifest.content)
        self.manifests[reference] = manifest
        return reference

    def blob(self, digest: Digest) -> bytes:
        """The content of a blob. Raises RegistryError."""
        if digest not in self.blobs:
            raise RegistryError("BLOB_UNKNOWN", f"no blob {digest}")
        return self.blobs[digest]

    def put_blob(self, digest: Digest, content: bytes) -> None:
        """Keep a blob. Raises RegistryError for a wrong digest."""
        _verify(digest, content)
        self.blobs[digest] = content

    def begin_upload(self) -> str:
        """Open an upload and give its name."""
        name = uuid.uuid4().hex
        self.uploads[name] = bytearray()
        return name

    def upload(self, name: str) -> bytearray:
        """What has arrived of an open upload. Raises RegistryError."""
        if name not in self.uploads:
            raise RegistryError("BLOB_UPLOAD_UNKNOWN", f"no upload {name}")
        return self.uploads[name]

    def finish_upload(self, name: str, digest: Digest) -> None:
        """Make an upload a blob. Raises RegistryError, and then the upload stays open."""
        self.put_blob(digest, bytes(self.upload(name)))
        del self.uploads[name]


def _verify(digest: Digest, content: bytes) -> None:
    if not digest.verifies(content):
        raise RegistryError("DIGEST_INVALID", f"the content is not {digest}")
