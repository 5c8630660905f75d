"""The storage and the settings that podman, buildah and skopeo share."""

from tests.e2e.clients.shape import Node

# A container may not raise limits above those of the one who starts it.
CONTAINERS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
"""

_STORAGE = """\
[storage]
driver = "vfs"
graphroot = "{root}/graph"
runroot = "{root}/run"
"""

# https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
_MIRROR = """\
[[registry]]
location = "{registry}"
[[registry.mirror]]
location = "{mirror}"
insecure = {is_plain}
"""


def storage_environment(node: Node) -> dict[str, str]:
    """The node's environment, with storage, mirrors and login below its own directory."""
    containers, storage = node.directory / "containers.conf", node.directory / "storage.conf"
    containers.write_text(CONTAINERS)
    storage.write_text(_STORAGE.format(root=node.directory))
    registries = node.directory / ".config" / "containers" / "registries.conf"
    registries.parent.mkdir(parents=True, exist_ok=True)
    registries.write_text(_mirrors(node))
    return {
        **node.environment(),
        "CONTAINERS_CONF": str(containers),
        "CONTAINERS_STORAGE_CONF": str(storage),
        "CONTAINERS_REGISTRIES_CONF": str(registries),
        "PODMAN_IGNORE_CGROUPSV1_WARNING": "true",
        "REGISTRY_AUTH_FILE": str(node.login_file()),
    }


def _mirrors(node: Node) -> str:
    return "".join(
        _MIRROR.format(
            registry=registry,
            mirror=url.partition("://")[2],
            is_plain=str(url.startswith("http://")).lower(),
        )
        for registry, url in node.way.mirrors.items()
    )
