"""What containerd adds to a path for a mirror of several registries: `?ns=`, the one it means.

Knows queries. Must not know which registries there are.
"""

from dataclasses import dataclass
from urllib.parse import quote, unquote

_KEY = "ns"


@dataclass(frozen=True, slots=True)
class MirrorPath:
    """A path as the registry itself knows it, and the name of the registry that is meant."""

    path: str
    namespace: str | None
    """None where the client leaves it to the mirror, as docker and podman do."""

    @classmethod
    def parse(cls, path: str) -> "MirrorPath":
        """Take `ns` out of the query of a path; whatever else it says stays as it came.

        https://github.com/containerd/containerd/blob/v2.0.0/docs/hosts.md#registry-host-namespace
        """
        bare, _, query = path.partition("?")
        pairs = query.split("&") if query else []
        named = [pair for pair in pairs if pair.partition("=")[0] == _KEY]
        if not named:
            return cls(path, None)
        rest = "&".join(pair for pair in pairs if pair not in named)
        return cls(f"{bare}?{rest}" if rest else bare, unquote(named[0].partition("=")[2]))


def named_again(location: str, namespace: str) -> str:
    """Where a registry sends a client, so that it means the same to a client of the mirror.

    A path alone is one of the mirror's: it has to name the registry. What leads to a host stays.
    """
    if not location.startswith("/") or location.startswith("//"):
        return location
    mark = "&" if "?" in location else "?"
    return f"{location}{mark}{_KEY}={quote(namespace, safe='')}"
