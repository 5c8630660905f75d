"""A machine type for the rules, made of what was found.

Knows how it is written. Must not know which machine types there are already.
"""

import json
import re

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

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_DESCRIBED = ("CPU", "GPU", "instance type", "machine model")


def machine_type_name(text: str) -> str:
    """A name that the rules take, made of a host's name."""
    return _NO_NAME.sub("-", text).lstrip("._-") or "machine"


def as_yaml(name: str, detection: Detection) -> str:
    """The machine type, and as a comment how its keys compare."""
    lines = [
        "# What not every machine of this type has is to be taken out.",
        "machine_types:",
        f"  {_quoted(machine_type_name(name))}:",
        f"    description: {_quoted(_description(detection))}",
    ]
    if detection.platform:
        lines.append(f"    platform: {detection.platform}")
    lines += ["    features:", *(f"      - {one}" for one in detection.features)]
    return "\n".join(lines if detection.features else lines[:-1]) + f"\n\n{_kinds(detection)}"


def _description(detection: Detection) -> str:
    found = (one.found for one in detection.findings if one.subject in _DESCRIBED)
    return ", ".join(dict.fromkeys(found)) or "nothing was found"


def _quoted(text: str) -> str:
    """JSON's strings are YAML's. A name like `1e3` or `on` would be something else unquoted."""
    return json.dumps(text, ensure_ascii=False)


def _kinds(detection: Detection) -> str:
    used = {one.key for one in detection.features}
    listed = [f"#   {key}: {{kind: {kind}}}" for key, kind in KINDS.items() if key in used]
    heading = "# How these compare, the most important first; for `features:`, once for all types."
    return "\n".join([heading, "# features:", *listed]) + "\n"
