"""The proof: after nothing but the script, a runtime of a fresh node gets the build that fits it.

systemd itself reads what the script wrote, and starts the daemons anew.
"""

import json
import sys
from dataclasses import replace

from metahub.demo.bench import BROADWELL_WITH_GPU, GENERIC, REPOSITORY, SKYLAKE
from tests.e2e.clients.cri import CALL
from tests.e2e.clients.docker import DOCKER
from tests.e2e.clients.shape import Spoken, speak
from tests.e2e.clients.storage import CONTAINERS
from tests.e2e.machine.parts import require
from tests.e2e.machine.running import bare_environment, eventually
from tests.e2e.machine.seclusion import CGROUP
from tests.e2e.proxies.rules import TYPE2, login_of
from tests.e2e.setup.alpine import plant_busybox
from tests.e2e.setup.conftest import NODE
from tests.e2e.setup.machine import Machine, Said
from tests.e2e.setup.setting_up import NOTHING, SetUp
from tests.e2e.upstreams.registry import Registry

AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

# What a machine without a bridge, and without overlayfs on overlayfs, needs to run containers.
DAEMON = {
    "bridge": "none",
    "iptables": False,
    "ip6tables": False,
    "ip-forward": False,
    "storage-driver": "vfs",
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
}
CONTAINERD = """\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "/etc/containerd/certs.d"
"""
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "/var/lib/c"\nrunroot = "/run/c"\n'
STORAGE_OF_A_USER = STORAGE.replace("/var/lib/c", "/home/node/c").replace(
    "/run/c", "/home/node/run/c"
)
CONTAINERS_OF_A_NODE = CONTAINERS + 'env = ["TMPDIR=/var/tmp"]\n'


def image_at(registry: Registry) -> str:
    """The name that a person types."""
    return f"{registry.address}/{REPOSITORY}:latest"


def serve_docker(node: Machine, **more: object) -> None:
    """A docker that runs before the script comes."""
    require("dockerd", "docker", "runc", "containerd")
    node.write("/etc/docker/daemon.json", json.dumps(DAEMON | more))
    node.sh("systemctl start docker")


def run_of(node: Machine, image: str) -> Said:
    """`docker run` of an image that is not there yet."""
    pulled = node.run([DOCKER, "pull", image])
    if pulled.exit_code:
        return pulled
    return node.run([DOCKER, "run", "--rm", "--network=none", image])


def test_docker(node: Machine, scripts: SetUp, open_registry: Registry) -> None:
    """It pulls and runs; before the script it reaches nothing, and so it is after --undo."""
    serve_docker(node)
    image = image_at(open_registry)
    assert run_of(node, image).exit_code
    assert "restarted docker" in scripts.succeed(node, "docker", user=NODE)
    ran = run_of(node, image)
    assert (ran.exit_code, ran.out) == (0, BROADWELL_WITH_GPU.line + "\n"), ran.err
    assert scripts.succeed(node, "docker", user=NODE) == NOTHING.format("Docker")
    node.sh(f"{DOCKER} image rm {image}")
    assert "restarted docker" in scripts.succeed(node, "docker", "--undo")
    assert run_of(node, image).exit_code


def test_docker_of_a_registry_without_tls(node: Machine, scripts: SetUp, plain: Registry) -> None:
    """That goes by HTTP_PROXY."""
    serve_docker(node, **{"insecure-registries": [str(plain.address)]})
    scripts.succeed(node, "docker", user=NODE)
    assert run_of(node, image_at(plain)).out == BROADWELL_WITH_GPU.line + "\n"


def test_another_user_is_another_machine_type(
    node: Machine, scripts: SetUp, open_registry: Registry
) -> None:
    """The second run changes the file of the password, and nothing else."""
    serve_docker(node)
    scripts.succeed(node, "docker", user=NODE)
    said = scripts.succeed(node, "docker", user=login_of(TYPE2))
    assert said == "wrote /etc/metahub/docker.env\nrestarted docker\n"
    assert run_of(node, image_at(open_registry)).out == SKYLAKE.line + "\n"


def test_nobody_learns_the_password(node: Machine, scripts: SetUp) -> None:
    """systemd, which tells anybody what it knows, does not know it; the file is root's."""
    serve_docker(node)
    scripts.succeed(node, "docker", user=NODE)
    shown = node.sh("systemctl show docker; systemctl cat docker")
    assert "/etc/metahub/docker.env" in shown
    assert "knoten" not in shown
    assert "Permission denied" in node.run([*AS_NOBODY, "cat", "/etc/metahub/docker.env"]).err


def test_containerd_for_a_kubelet(node: Machine, scripts: SetUp, open_registry: Registry) -> None:
    """`PullImage`, also where the registry has a CA of its own in hosts.toml: it is one more."""
    require("containerd", "ctr", "runc")
    node.write("/etc/containerd/config.toml", CONTAINERD)
    address = open_registry.address
    folder = f"/etc/containerd/certs.d/{address}"
    own = open_registry.trust.authority.read_text()
    node.write(f"{folder}/own.pem", own)
    node.write(f"{folder}/hosts.toml", f'[host."{address.url}"]\nca = "own.pem"\n')
    node.sh("systemctl start containerd")
    image = image_at(open_registry)
    assert _pulled(node, image).exit_code
    assert "restarted containerd" in scripts.succeed(node, "containerd", user=NODE)
    pulled = _pulled(node, image)
    assert pulled.exit_code == 0, pulled
    variables = "set -a; . /etc/metahub/containerd.env; set +a"  # as the script says of ctr
    ctr = f"ctr image pull --snapshotter=native {image}"
    node.sh(f"{variables}; {ctr}")
    ran = node.sh(f"ctr run --rm --snapshotter=native --cgroup=/bench {image} bench")
    assert ran == BROADWELL_WITH_GPU.line + "\n"


def _pulled(node: Machine, image: str) -> Spoken:
    socket = node.path("/run/containerd/containerd.sock")
    assert eventually(socket.exists)
    return speak([sys.executable, str(CALL), str(socket), "pull", image], bare_environment())


def test_podman_and_buildah(private: Machine, scripts: SetUp, open_registry: Registry) -> None:
    """Root's podman runs what it pulls, and buildah pulls too; skopeo as the script says.

    No container is handed the proxy's password.
    """
    require("podman", "buildah", "skopeo", "runc")
    private.write("/etc/containers/storage.conf", STORAGE)
    private.write("/etc/containers/containers.conf", CONTAINERS_OF_A_NODE)
    said = scripts.succeed(private, "podman", user=NODE)
    image = image_at(open_registry)
    run = ["podman", "run", "--quiet", "--rm", "--network=none", f"--cgroup-parent={CGROUP}"]
    ran = private.run([*run, image])
    assert (ran.exit_code, ran.out) == (0, BROADWELL_WITH_GPU.line + "\n"), ran.err
    require("busybox")
    plant_busybox(private.path("/srv/tree"))
    seen_inside = private.run([*run, "--rootfs", "/srv/tree", "env"])
    assert (seen_inside.exit_code, "PROXY" in seen_inside.out) == (0, False), seen_inside
    private.sh(f"buildah pull --policy=always {image}")
    variables = "set -a; . /etc/metahub/podman.env; set +a"
    assert variables in said
    inspected = private.sh(f"{variables}; skopeo inspect --config docker://{image}")
    assert GENERIC.line not in inspected
    assert private.run(["skopeo", "inspect", f"docker://{image}"]).exit_code


def test_podman_of_a_user(private: Machine, scripts: SetUp, open_registry: Registry) -> None:
    """Without root: the CA is in a folder of the user's own, and nothing is anybody else's."""
    require("podman")
    private.write("/home/node/.config/containers/storage.conf", STORAGE_OF_A_USER)
    private.sh("mkdir /home/node/run; chown -R 65534:65534 /home/node; chmod 755 /home/node")
    before = private.tree()
    by_user = replace(scripts, before=("env", "HOME=/home/node", *AS_NOBODY))
    said = by_user.succeed(private, "podman", user=NODE)
    changed = private.differences(before)
    assert all(path.startswith("home/node/") for path in changed), changed
    pull = f"env HOME=/home/node XDG_RUNTIME_DIR=/home/node/run {' '.join(AS_NOBODY)} podman"
    pulled = private.run(["sh", "-c", f"cd /; {pull} pull {image_at(open_registry)}"])
    assert pulled.exit_code == 0, (pulled, said)
