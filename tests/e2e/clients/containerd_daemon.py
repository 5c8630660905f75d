"""The daemon behind `ctr` and behind a kubelet, with its own root, state and sockets.

Knows containerd's configuration. Must not know what is pulled.
"""

from pathlib import Path

from metahub.demo.address import Address
from tests.e2e.clients.programs import Programs
from tests.e2e.clients.shape import Node
from tests.e2e.machine.running import Running, start
from tests.e2e.machine.seclusion import enclosed

# Version 2 is what 1.6 reads and 2.x still does.
_CONFIG = """\
version = 2
root = "{root}/root"
state = "{root}/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.overlayfs",
  "io.containerd.snapshotter.v1.zfs",{no_cri}
]
[grpc]
address = "{root}/containerd.sock"
[ttrpc]
address = "{root}/containerd.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "{root}/opt"
[plugins."io.containerd.transfer.v1.local"]
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux/amd64"
snapshotter = "native"
"""

_NO_CRI = '\n  "io.containerd.grpc.v1.cri",'

_CRI = """\
[plugins."io.containerd.grpc.v1.cri"]
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{root}/hosts"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "{root}/hosts"
"""

# The server is where containerd goes when the host does not have it; here that is no other place.
# containerd 1.6 takes plain HTTP from a host only.
# https://github.com/containerd/containerd/blob/v2.0.0/docs/hosts.md
_SERVER = 'server = "{url}"\n'
_HOST = '[host."{url}"]\ncapabilities = ["pull", "resolve"]\n'


def started(node: Node, programs: Programs, *, serves_kubelets: bool = False) -> Running:
    """A containerd that was started on the node and may not answer yet."""
    config = _config(node, serves_kubelets)
    command = enclosed(programs.command(["containerd", "--config", str(config)], node.directory))
    log = node.directory / "containerd.log"
    return start(node.way.taken_by(command), log=log, environment=node.environment())


def socket_of(node: Node) -> Path:
    """Where it listens."""
    return node.directory / "containerd.sock"


def hosts_directory(node: Node) -> Path:
    """How each registry is reached, as containerd reads it: `HOST:PORT/hosts.toml`."""
    directory = node.directory / "hosts"
    for registry in node.registries:
        folder = directory / str(registry)
        folder.mkdir(parents=True, exist_ok=True)
        url = node.way.mirrors.get(str(registry), registry.url)
        hosts = _SERVER.format(url=url) + (_HOST.format(url=url) if url != _usual(registry) else "")
        (folder / "hosts.toml").write_text(hosts)
    return directory


def _usual(registry: Address) -> str:
    return f"https://{registry}"


def _config(node: Node, serves_kubelets: bool) -> Path:
    hosts_directory(node)
    path = node.directory / "config.toml"
    no_cri = "" if serves_kubelets else _NO_CRI
    text = _CONFIG + (_CRI if serves_kubelets else "")
    path.write_text(text.format(root=node.directory, no_cri=no_cri))
    return path
