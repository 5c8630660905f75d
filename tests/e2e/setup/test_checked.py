"""What a script writes is what --check finds, for each runtime; and its remedies mend."""

import json
import re
from collections.abc import Mapping

import pytest

from metahub.core.registry import Registry
from metahub.node.check import RUNTIMES, Checked, Node, Outcome, Root, Step, Wanted, check
from metahub.node.check.look import look
from metahub.node.setup import RUNTIMES as SCRIPTED
from tests.e2e.setup.conftest import NODE
from tests.e2e.setup.machine import Machine
from tests.e2e.setup.setting_up import USER, SetUp
from tests.e2e.setup.test_pulls import serve_docker

REGISTRY = Registry.parse("registry.example.com:5000")
SHOWN = "http://node:****@proxy.example.com:8080"
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
SETTINGS = "/etc/containers/containers.conf.d/zz-metahub.conf ([engine] env)"

WRITTEN = {
    "docker": "/etc/metahub/docker.env",
    "containerd": "/etc/metahub/containerd.env",
    "k3s": "/etc/metahub/k3s.env",
    "crio": "/etc/metahub/crio.env",
    "podman": SETTINGS,
    "apptainer": "/usr/local/bin/apptainer",
}
OF_A_USER = {
    "podman": "/home/node/.config/containers/containers.conf.d/zz-metahub.conf ([engine] env)",
    "apptainer": "/home/node/.local/bin/apptainer",
}


def found(there: Machine, runtime: str, environment: Mapping[str, str] | None = None) -> str:
    """The sentence of --check on the proxy."""
    node = Node(Root(there.root), environment or {})
    looked = look(node, RUNTIMES[runtime], None, None)
    step = looked.step([REGISTRY])
    assert step.outcome is Outcome.WORKS, step
    assert looked.url
    assert looked.url.password == USER.password
    return step.sentence


def test_a_script_and_a_check_are_of_the_same_runtimes() -> None:
    """But for kind, whose nodes are other machines, and what has no proxy of its own."""
    assert {*SCRIPTED} - {"kind"} == {*RUNTIMES}
    assert {*WRITTEN} == {*RUNTIMES} - {"system"}


@pytest.mark.parametrize("runtime", WRITTEN)
def test_a_check_finds_what_a_script_wrote(runtime: str, there: Machine, setting_up: SetUp) -> None:
    """In the file where it stands, with the password as it was meant."""
    setting_up.succeed(there, runtime, user=USER)
    said = found(there, runtime)
    name = "CONTAINERD_HTTPS_PROXY" if runtime == "k3s" else "HTTPS_PROXY"
    assert said == f"{runtime} is told of {SHOWN} by {name} in {WRITTEN[runtime]}."


@pytest.mark.parametrize("runtime", OF_A_USER)
def test_a_check_finds_what_a_user_wrote(runtime: str, there: Machine, setting_up: SetUp) -> None:
    """Where no root helped; the CA is theirs, too."""
    there.sh("mkdir /home/node; chown 65534:65534 /home/node")
    by_user = SetUp(setting_up.script, before=("env", "HOME=/home/node", *AS_NOBODY))
    by_user.succeed(there, runtime, user=USER)
    said = found(there, runtime, {"HOME": "/home/node"})
    assert said == f"{runtime} is told of {SHOWN} by HTTPS_PROXY in {OF_A_USER[runtime]}."


def test_a_check_finds_singularity_alone(there: Machine, setting_up: SetUp) -> None:
    """It goes by the name of apptainer."""
    there.sh("rm -f $(which -a apptainer)")
    setting_up.succeed(there, "apptainer", user=USER)
    assert found(there, "apptainer").endswith(" in /usr/local/bin/singularity.")


@pytest.mark.parametrize("runtime", ["docker", "k3s"])
def test_a_check_finds_what_openrc_sources(runtime: str, there: Machine, setting_up: SetUp) -> None:
    """Also while the service does not run."""
    there.sh(f"rm -f /usr/local/lib/systemd/system/{runtime}.* /lib/systemd/system/{runtime}.*")
    there.write(f"/etc/init.d/{runtime}", "#!/sbin/openrc-run\n", 0o755)
    setting_up.succeed(there, runtime, "--no-restart", user=USER)
    assert found(there, runtime).endswith(f"HTTPS_PROXY in {WRITTEN[runtime]}.")


ENV = "/etc/metahub/docker.env"
RESTARTED = "systemctl reset-failed docker; systemctl restart docker"
ANEW = re.compile(r"curl -fsS http://\S+/setup/docker \| sudo sh -s -- --user 'knoten 1'$")
FORGOTTEN = "rm /usr/local/share/ca-certificates/metahub.crt && update-ca-certificates --fresh && "
MENDED_AS_IS = {
    "a CA that is gone": (FORGOTTEN + RESTARTED, "CA"),
    "a file that docker has not read": (f"echo NO_PROXY=a.example >>{ENV}", "proxy"),
}
MENDED_ANEW = {
    "another proxy": (f"sed -i 's#:[0-9]*\"$#:1\"#' {ENV}; {RESTARTED}", "answer"),
    "another password": (f"sed -i 's#:[^:@]*@#:x@#' {ENV}; {RESTARTED}", "credentials"),
    "a CA that is gone": (FORGOTTEN + RESTARTED, "CA"),
}


def checked(node: Machine) -> Checked:
    """All of it, as root of the node sees it."""
    return check(Node(Root(node.root)), Wanted(RUNTIMES["docker"]))


def failed(node: Machine) -> Step:
    """The one step that does not work; what needs it is not tried."""
    (step,) = (one for one in checked(node).steps if one.outcome is Outcome.FAILED)
    assert NODE.password not in json.dumps(step.as_json())
    return step


def test_a_remedy_is_a_command_that_mends(node: Machine, scripts: SetUp) -> None:
    """As it is printed, to be pasted into a shell of root's."""
    serve_docker(node)
    scripts.succeed(node, "docker", user=NODE)
    assert checked(node).works
    for broken, name in MENDED_AS_IS.values():
        node.sh(broken)
        step = failed(node)
        assert (step.name, step.remedy is None) == (name, False), step
        _, _, command = (step.remedy or "").partition(": ")
        node.sh(command)
        assert checked(node).works


def test_a_script_mends_what_was_broken_since(node: Machine, scripts: SetUp) -> None:
    """And has docker read it, also where it says what it said before."""
    serve_docker(node)
    scripts.succeed(node, "docker", user=NODE)
    for broken, name in MENDED_ANEW.values():
        node.sh(broken)
        step = failed(node)
        assert step.name == name, step
        if name == "credentials":
            assert ANEW.search(step.remedy or ""), step
        assert "restarted docker" in scripts.succeed(node, "docker", user=NODE)
        assert checked(node).works
