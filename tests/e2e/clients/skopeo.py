"""skopeo: copies an image out of a registry into a folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from tests.e2e.clients.shape import Node, Pull, speak
from tests.e2e.clients.storage import storage_environment


@dataclass(frozen=True, slots=True)
class Skopeo:
    """skopeo on a node."""

    NEEDS: ClassVar[tuple[str, ...]] = ("skopeo",)

    node: Node

    @classmethod
    def on(cls, node: Node) -> Self:
        """Nothing to start."""
        return cls(node)

    def pull(self, image: str) -> Pull:
        """`skopeo copy` into an OCI layout; the digest is that of the manifest that arrived."""
        layout = self.node.directory / "layout"
        source, target = f"docker://{image}", f"oci:{layout}:bench"
        command = ["skopeo", "--insecure-policy", "copy", "--preserve-digests", source, target]
        spoken = speak(command, storage_environment(self.node))
        return Pull(spoken.exit_code, spoken.seen, _digests(layout))

    def stop(self) -> None:
        """Nothing runs on."""


def _digests(layout: Path) -> frozenset[str]:
    index = layout / "index.json"
    entries = json.loads(index.read_text())["manifests"] if index.exists() else []
    return frozenset(entry["digest"] for entry in entries)
