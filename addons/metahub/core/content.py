"""Bytes with their media type, as registries serve manifests and indexes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes as they are served."""

    media_type: str
    body: bytes
