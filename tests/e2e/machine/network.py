"""Network namespaces in a row: nodes | proxy | registry. The proxy is the router between them.

Knows ip(8) and iptables(8). Must not know which programs run there.
"""

import functools
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.machine.running import bare_environment, start, wait_until
from tests.e2e.machine.site import Namespace

REGISTRY = "registry"
METADATA = "169.254.169.254"  # of clouds; what nodes send there comes as far as the proxy
_NEIGHBOURS = ("node1", "node2", "stranger", REGISTRY)

_FORWARDING = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
_FORWARD = "; ".join(f"echo 1 >/proc/sys/net/{switch}" for switch in _FORWARDING)

# Everything that is needed, once: whether this machine allows it.
_TRIAL = f"""\
{_FORWARD}
ip link add one type veth peer name other
for tables in iptables ip6tables; do
    $tables -t nat -A PREROUTING ! -i x -p tcp -m multiport --dports 1 -j REDIRECT --to-ports 2
done
"""


@dataclass(frozen=True, slots=True)
class Network:
    """The namespaces, each reached by the others at its addresses.

    What a node sends to the registry goes through the proxy's namespace: past the proxy, or into
    it where `redirected` says so.
    """

    node1: Namespace
    node2: Namespace
    stranger: Namespace
    registry: Namespace
    proxy: Namespace

    @contextmanager
    def redirected(self, ports: Iterable[int], to: int) -> Iterator[None]:
        """As long as it lasts, the proxy's port `to` has what nodes send to these, wherever to.

        Of several redirections of a port, the last one counts.
        """
        self._tables("-I", ports, to)
        try:
            yield
        finally:
            self._tables("-D", ports, to)

    def _tables(self, what: str, ports: Iterable[int], to: int) -> None:
        dports = ",".join(map(str, ports))
        rule = f"PREROUTING ! -i {REGISTRY} -p tcp -m multiport --dports {dports}"
        for tables in ("iptables", "ip6tables"):
            command = f"{tables} -t nat {what} {rule} -j REDIRECT --to-ports {to}"
            _run(self.proxy, command.split())


@functools.cache
def is_allowed() -> bool:
    """Whether this user, on this machine, may make such a network."""
    trial = ["unshare", "--net", "sh", "-ec", _TRIAL]
    done = subprocess.run(trial, env=bare_environment(), capture_output=True, check=False)
    return done.returncode == 0


@contextmanager
def networked(directory: Path) -> Iterator[Network]:
    """A network that the kernel removes when its holders end, with all that is in it."""
    with ExitStack() as ends:

        def hold(name: str, v4: str, v6: str) -> Namespace:
            holder = ["unshare", "--net", "sleep", "infinity"]
            log = directory / f"{name}.log"
            running = start(holder, log=log, environment=bare_environment())
            ends.callback(running.kill)
            namespace = Namespace(running, v4, v6)
            wait_until(lambda: namespace.is_own, running)
            return namespace

        proxy = hold("proxy", "10.20.0.1", "fd00:20::1")
        neighbours = {name: hold(name, f"{_v4(name)}.2", f"{_v6(name)}2") for name in _NEIGHBOURS}
        _connect(proxy, neighbours)
        yield Network(proxy=proxy, **neighbours)


def _connect(proxy: Namespace, neighbours: dict[str, Namespace]) -> None:
    """A cable from the proxy to each neighbour, and the way over the proxy to all others."""
    lines = [
        "link set lo up",
        f"address add {proxy.v4}/32 dev lo",
        f"address add {proxy.v6} dev lo",
    ]
    for name, neighbour in neighbours.items():
        pid = neighbour.holder.process.pid
        lines += [f"link add {name} type veth peer name eth0 netns {pid}", *_up(name, name, 1)]
    _ip(proxy, lines)
    _run(proxy, ["sh", "-ec", _FORWARD])
    for name, neighbour in neighbours.items():
        # No other: a question to this machine's name server fails at once instead of being lost.
        routes = [
            f"route add 10.20.0.0/16 via {_v4(name)}.1",
            f"route add fd00:20::/32 via {_v6(name)}1",
            f"route add {METADATA} via {_v4(name)}.1",
        ]
        _ip(neighbour, ["link set lo up", *_up("eth0", name, 2), *routes])


def _up(link: str, name: str, end: int) -> list[str]:
    """Both addresses of one end of a cable, usable at once."""
    return [
        f"link set {link} addrgenmode none",
        f"address add {_v4(name)}.{end}/24 dev {link}",
        f"address add {_v6(name)}{end}/64 dev {link} nodad",
        f"address add fe80::{end}/64 dev {link} nodad",  # without one, no neighbour is looked for
        f"link set {link} up",
    ]


def _v4(name: str) -> str:
    return f"10.20.{_NEIGHBOURS.index(name) + 1}"


def _v6(name: str) -> str:
    """Of the unique local addresses, RFC 4193."""
    return f"fd00:20:{_NEIGHBOURS.index(name) + 1}::"


def _ip(namespace: Namespace, lines: Sequence[str]) -> None:
    _run(namespace, ["ip", "-batch", "-"], "\n".join(lines))


def _run(namespace: Namespace, command: Sequence[str], lines: str = "") -> None:
    subprocess.run(
        namespace.inside(command), env=bare_environment(), input=lines, text=True, check=True
    )
