"""The runtimes: which of them is which service, and where each is told of a proxy and of CAs.

Knows their names. Must not know what they are told.
"""

from collections.abc import Callable
from dataclasses import dataclass

from metahub.core.registry import Registry
from metahub.node.check import own_files
from metahub.node.check.node import Node
from metahub.node.check.setting import Settings
from metahub.node.check.unit import Unit


@dataclass(frozen=True, slots=True)
class Runtime:
    """What pulls images on a node: a daemon that systemd starts, or whoever calls it."""

    name: str
    units: tuple[str, ...] = ()
    daemons: tuple[str, ...] = ()
    """What their processes are called in proc(5)."""
    in_its_words: Callable[[Node, Settings], Settings] = own_files.as_it_is
    file: str | None = None
    """Where it is told of a proxy in its own words; a daemon reads that at its start only."""
    certificates: Callable[[Node, Registry], list[str]] = own_files.no_certificates

    def unit(self, node: Node) -> Unit | None:
        """The service of it that is installed, or would be; None for one that is none."""
        units = [Unit(name, node.root) for name in self.units]
        return next((unit for unit in units if unit.is_there), units[0] if units else None)

    def restart(self, node: Node) -> str:
        """What makes its daemon read everything anew."""
        unit = self.unit(node)
        service = unit.name.removesuffix(".service") if unit else self.name
        if unit and not unit.is_there and node.root.has(f"/etc/init.d/{service}"):
            return f"rc-service {service} restart"
        return f"systemctl daemon-reload && systemctl restart {service}"

    def is_on(self, node: Node) -> bool:
        """Whether it is installed there, as far as its service or its program say."""
        services = [f"/etc/init.d/{name.removesuffix('.service')}" for name in self.units]
        programs = [] if self.units else [f"{place}/{self.name}" for place in _PLACES]
        found = any(map(node.root.has, (*services, *programs)))
        return found or any(Unit(name, node.root).is_there for name in self.units)


_PLACES = ("/usr/bin", "/usr/local/bin")

_ALL = (
    Runtime(
        "docker",
        ("docker.service",),
        ("dockerd",),
        own_files.with_daemon_json,
        own_files.DAEMON_JSON,
        own_files.docker_certificates,
    ),
    Runtime(
        "k3s",
        ("k3s.service", "k3s-agent.service"),
        ("k3s-server", "k3s-agent"),
        own_files.with_k3s_words,
        certificates=own_files.k3s_certificates,
    ),
    Runtime(
        "crio",
        ("crio.service", "cri-o.service"),
        ("crio",),
        certificates=own_files.containers_certificates,
    ),
    Runtime(
        "containerd",
        ("containerd.service",),
        ("containerd",),
        certificates=own_files.containerd_certificates,
    ),
    Runtime(
        "podman",
        in_its_words=own_files.with_containers_conf,
        file="containers.conf",
        certificates=own_files.containers_certificates,
    ),
    Runtime("apptainer", in_its_words=own_files.with_wrapper),
)
_SYSTEM = Runtime("system")
RUNTIMES = {runtime.name: runtime for runtime in (*_ALL, _SYSTEM)}
"""By name; `system` is whatever else asks, which the environment tells of a proxy."""


def runtime_of(name: str | None, node: Node) -> Runtime:
    """The one of that name, or the first that is on the node. Raises ValueError."""
    if name is None:
        return next((one for one in _ALL if one.is_on(node)), _SYSTEM)
    if name == "kind":
        raise ValueError(
            "kind's nodes are machines of their own: check containerd of each, from here with"
            " --root /proc/PID/root, where PID is what `docker inspect -f {{.State.Pid}} NODE` says"
        )
    if name not in RUNTIMES:
        raise ValueError(f"expected one of {', '.join(RUNTIMES)}, found {name!r}")
    return RUNTIMES[name]
