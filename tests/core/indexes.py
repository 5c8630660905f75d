"""Indexes as registries keep them, made of the few things that a test is about.

Knows the JSON of an index. Must not know what MetaHub makes of it.
"""

import json
from collections.abc import Iterable
from typing import Any

from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from metahub.core.feature import FeatureKey, Vocabulary
from metahub.core.index import REFERENCE_DIGEST, REFERENCE_TYPE
from metahub.core.kind import KINDS
from metahub.core.machine import MachineType, Platform

VOCABULARY = Vocabulary(
    [
        FeatureKey("nvcap", KINDS["cuda_capability"]),
        FeatureKey("cpu", KINDS["microarchitecture"]),
        FeatureKey("driver", KINDS["minimum"], annotation="com.example.driver"),
    ],
    used=["gpu", "net"],
)
"""Keys of every kind; `gpu` and `net` are exact."""

MANIFEST_TYPE = {OCI_INDEX: OCI_MANIFEST, DOCKER_LIST: DOCKER_MANIFEST}


def digest_of(name: str) -> str:
    """The digest of the manifest that a test calls `name`."""
    return str(Digest.of(name.encode()))


def entry(
    name: str, *features: str, platform: str = "linux/amd64", **more: object
) -> dict[str, Any]:
    """An entry for the manifest `name`; `more` is added to its platform."""
    system, architecture, *variant = platform.split("/")
    described: dict[str, Any] = {"architecture": architecture, "os": system}
    if variant:
        described["variant"] = variant[0]
    if features:
        described["features"] = list(features)
    return {
        "mediaType": OCI_MANIFEST,
        "digest": digest_of(name),
        "size": 1035,
        "platform": described | more,
    }


def annotated(made: dict[str, Any], **annotations: str) -> dict[str, Any]:
    """The entry with annotations, `_` in whose names stands for `.`."""
    named = {name.replace("_", "."): value for name, value in annotations.items()}
    return made | {"annotations": named}


def attestation(name: str, *, of: str) -> dict[str, Any]:
    """What BuildKit adds to an index for each manifest."""
    return entry(name, platform="unknown/unknown") | {
        "annotations": {
            REFERENCE_DIGEST: digest_of(of),
            REFERENCE_TYPE: "attestation-manifest",
        }
    }


def index(
    *entries: dict[str, Any], media_type: str = OCI_INDEX, **fields: object
) -> dict[str, Any]:
    """An index of that type, and so are its manifests; `fields` are added at the end."""
    typed = [
        made | {"mediaType": MANIFEST_TYPE[media_type]}
        if made["mediaType"] in MANIFEST_TYPE.values()
        else made
        for made in entries
    ]
    return {"schemaVersion": 2, "mediaType": media_type, "manifests": typed} | fields


def as_bytes(value: object) -> bytes:
    """JSON as Docker writes it, indented."""
    return json.dumps(value, indent=3).encode()


def machine(name: str = "type1", *features: str, platform: str | None = None) -> MachineType:
    """A machine type that offers `features`."""
    offered = frozenset(map(VOCABULARY.parse, features))
    return MachineType(name, offered, Platform.parse(platform) if platform else None)


def names(found: Iterable[dict[str, Any]], known: Iterable[str]) -> list[str]:
    """What a test calls the manifests of these entries."""
    by_digest = {digest_of(name): name for name in known}
    return [by_digest[fields["digest"]] for fields in found]
