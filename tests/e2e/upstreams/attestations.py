"""What BuildKit adds to an index for each of its images: a manifest of statements about it.

Knows the shape of an attestation. Must not know which of them are kept.
https://github.com/moby/buildkit/blob/v0.15.0/docs/attestations/attestation-storage.md
"""

import json

from metahub.core.index import REFERENCE_DIGEST, REFERENCE_TYPE
from metahub.demo.images import OCI, Blob, Image, IndexedImages

IN_TOTO = "application/vnd.in-toto+json"
PROVENANCE = "https://slsa.dev/provenance/v0.2"
UNKNOWN = {"architecture": "unknown", "os": "unknown"}


def attested(images: IndexedImages) -> IndexedImages:
    """The same index with an attestation of each image, behind all of them."""
    attestations = tuple(attestation_of(image) for image in images.images)
    index = json.loads(images.index.content)
    index["manifests"] += [
        _entry(attestation, image)
        for attestation, image in zip(attestations, images.images, strict=True)
    ]
    return IndexedImages(_blob(OCI.index, index), (*images.images, *attestations))


def attestation_of(image: Image) -> Image:
    """A manifest whose only layer is a statement about where the image comes from."""
    subject = {"name": "bench", "digest": {"sha256": image.manifest.digest.hex}}
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": PROVENANCE,
        "subject": [subject],
        "predicate": {"buildType": "https://mobyproject.org/buildkit@v1"},
    }
    layer = _blob(IN_TOTO, statement)
    rootfs = {"type": "layers", "diff_ids": [str(layer.digest)]}
    config = _blob(OCI.config, UNKNOWN | {"config": {}, "rootfs": rootfs})
    annotated = layer.descriptor | {"annotations": {"in-toto.io/predicate-type": PROVENANCE}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI.manifest,
        "config": config.descriptor,
        "layers": [annotated],
    }
    return Image(_blob(OCI.manifest, manifest), config, (layer,))


def _entry(attestation: Image, image: Image) -> dict[str, object]:
    annotations = {
        REFERENCE_DIGEST: str(image.manifest.digest),
        REFERENCE_TYPE: "attestation-manifest",
    }
    return attestation.manifest.descriptor | {"annotations": annotations, "platform": UNKNOWN}


def _blob(media_type: str, content: object) -> Blob:
    return Blob(media_type, json.dumps(content).encode())
