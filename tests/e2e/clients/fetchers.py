"""What crane, oras and cosign share: docker's login, and a folder for what arrives.

Knows no daemon and no storage. Must not know the words of any one of them.
"""

import json
from pathlib import Path

from tests.e2e.clients.programs import Programs
from tests.e2e.clients.shape import Node, Spoken, speak


def fetch(programs: Programs, node: Node, *words: str, **settings: str) -> Spoken:
    """Run one command on a node, with settings beside those of its environment."""
    login = {"DOCKER_CONFIG": str(node.login_file().parent)}
    command = node.way.taken_by(programs.command(words, node.directory))
    return speak(command, {**node.environment(), **login, **settings})


def digests(layout: Path) -> frozenset[str]:
    """What the index of an OCI layout names; nothing where there is none."""
    index = layout / "index.json"
    entries = json.loads(index.read_text())["manifests"] if index.exists() else []
    return frozenset(entry["digest"] for entry in entries)
