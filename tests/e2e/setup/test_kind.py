"""The nodes of kind: containers with its label, by a real docker. What is in them is busybox.

kind itself makes nodes of an image of a gigabyte.
"""

import json
from urllib.parse import quote

import pytest

from tests.e2e.clients.docker import DOCKER
from tests.e2e.machine.parts import require
from tests.e2e.setup.alpine import plant_busybox, plant_openrc
from tests.e2e.setup.conftest import NODE
from tests.e2e.setup.machine import Machine
from tests.e2e.setup.setting_up import NOTHING, SetUp
from tests.e2e.setup.test_pulls import DAEMON

LABEL = "io.x-k8s.kind.cluster"
ENCODED = f"{quote(NODE.user, safe='')}:{quote(NODE.password, safe='')}"


@pytest.fixture
def clusters(node: Machine) -> Machine:
    """A machine with two clusters of one node each, and a container that is none."""
    require("busybox", "dockerd", "docker", "containerd", "runc")
    plant_busybox(node.path("/srv/node"))
    plant_openrc(node.path("/srv/node"), "containerd")
    node.write("/etc/docker/daemon.json", json.dumps(DAEMON))
    node.sh("systemctl start docker")
    node.sh(f"tar -C /srv/node -c . | {DOCKER} import - node")
    for name in ("one", "two"):
        run = f"{DOCKER} run --detach --network=none --name={name}-control-plane"
        node.sh(f"{run} --label={LABEL}={name} node sleep 1000")
        in_node(node, f"{name}-control-plane", "/usr/sbin/update-ca-certificates")
    node.sh(f"{DOCKER} run --detach --network=none --name=other node sleep 1000")
    return node


def in_node(on: Machine, name: str, line: str) -> str:
    """What a line of shell prints in a container."""
    return on.sh(f"{DOCKER} exec {name} sh -c '{line}'")


def test_every_node_is_set_up(clusters: Machine, setting_up: SetUp) -> None:
    """Inside, and nothing on the machine; the password gets there whole, and by no command line."""
    before = clusters.tree()
    said = setting_up.succeed(clusters, "kind", user=NODE)
    assert said.startswith(("one-control-plane:\nwrote ", "two-control-plane:\nwrote "))
    for name in ("one-control-plane", "two-control-plane"):
        variables = in_node(clusters, name, "cat /etc/metahub/containerd.env")
        assert f'\nHTTPS_PROXY="http://{ENCODED}@proxy.example.com:8080"\n' in variables
        assert "restart" in in_node(clusters, name, "cat /tmp/asked")
    assert "metahub" not in in_node(clusters, "other", "ls /etc")
    assert not [path for path in clusters.differences(before) if path.startswith(("etc", "usr"))]
    assert said.count(":\n") == 2
    again = setting_up.succeed(clusters, "kind", user=NODE)
    assert again.count(NOTHING.format("containerd")) == 2


def test_one_cluster_is_enough(clusters: Machine, setting_up: SetUp) -> None:
    """A trial shows what would change in it, and --undo leaves nothing."""
    words = ("--cluster", "two")
    trial = setting_up.succeed(clusters, "kind", *words, "--dry-run", user=NODE)
    assert "+++ /etc/metahub/containerd.env" in trial
    assert "knoten%201:****@" in trial
    before = in_node(clusters, "two-control-plane", "find /etc /usr /var")
    setting_up.succeed(clusters, "kind", *words, user=NODE)
    assert "metahub" not in in_node(clusters, "one-control-plane", "ls /etc")
    setting_up.succeed(clusters, "kind", *words, "--undo")
    assert in_node(clusters, "two-control-plane", "find /etc /usr /var") == before


def test_loopback_is_refused(clusters: Machine, setting_up: SetUp) -> None:
    """In a node that is the node itself."""
    for host in ("localhost", "127.0.0.1", "[::1]"):
        script = setting_up.script("kind").replace("http://proxy.example.com:", f"http://{host}:")
        said = clusters.run(["dash", "-s"], {}, script)
        assert (said.exit_code, said.out) == (1, "")
        assert "is the node itself in a node of kind, nothing was changed" in said.err
