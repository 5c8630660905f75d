"""A machine type for the rules, made of what was found.

Knows how it is written. Must not know which machine types there are already.
"""

import json
import re
from collections.abc import Collection, Iterable

from metahub.node.detect.detection import Detection

# How the values of each key compare, in the order of preference: what a build gains most by first.
KINDS = {
    "nvcap": "cuda_capability",
    "gfx": "exact",
    "gpu": "exact",
    "gpu-model": "exact",
    "cpu": "microarchitecture",
    "net": "exact",
    "hca": "exact",
    "net-rate": "minimum",
    "cuda": "minimum",
    "gpu-driver": "minimum",
    "amdgpu-driver": "minimum",
    "glibc": "minimum",
    "kernel": "minimum",
    "memory": "minimum",
    "cores": "minimum",
    "sockets": "minimum",
}
"""What is not listed here compares exactly, as the rules do by default."""

_HEADING = (
    "# Take out what not every machine of this type has. Where the rules have the key",
    "# machine_types already, in whatever file, this goes below it: a key stands there once.",
)
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_DESCRIBED = ("CPU", "GPU", "instance type", "machine model")


def machine_type_name(text: str) -> str:
    """A name that the rules take, made of a host's name."""
    return _NO_NAME.sub("-", text).lstrip("._-") or "machine"


def as_yaml(machines: Iterable[tuple[str, Detection]]) -> str:
    """A machine type for each machine, by its name; and as a comment how their keys compare."""
    machines = tuple(machines)
    lines = [*_HEADING, "machine_types:"]
    for name, detection in machines:
        lines += _machine_type(name, detection)
    used = {one.key for _, detection in machines for one in detection.features}
    return "\n".join([*lines, "", *_kinds(used)]) + "\n"


def _machine_type(name: str, detection: Detection) -> list[str]:
    lines = [
        f"  {_quoted(machine_type_name(name))}:",
        f"    description: {_quoted(_description(detection))}",
    ]
    if detection.platform:
        lines.append(f"    platform: {detection.platform}")
    features = [f"      - {one}" for one in detection.features]
    return [*lines, "    features:", *features] if features else lines


def _description(detection: Detection) -> str:
    found = (one.found for one in detection.findings if one.subject in _DESCRIBED)
    return ", ".join(dict.fromkeys(found)) or "nothing was found"


def _quoted(text: str) -> str:
    """JSON's strings are YAML's. A name like `1e3` or `on` would be something else unquoted."""
    return json.dumps(text, ensure_ascii=False)


def _kinds(used: Collection[str]) -> list[str]:
    listed = [f"#   {key}: {{kind: {kind}}}" for key, kind in KINDS.items() if key in used]
    heading = "# How these compare, the most important first; for `features:`, once for all types."
    return [heading, "# features:", *listed] if listed else []
