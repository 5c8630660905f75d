"""The parts of the machine that a test needs, and what a person does where one is missing.

Knows Debian's packages. Must not know what a test does with a part.
"""

import os
import shutil
from typing import NoReturn

import pytest

from tests.e2e.machine import network, seclusion
from tests.e2e.machine.running import bare_environment

# command -> package
PACKAGES = {
    "docker-registry": "docker-registry",
    "dockerd": "docker.io",
    "containerd": "containerd",
    "ctr": "containerd",
    "podman": "podman",
    "skopeo": "skopeo",
    "buildah": "buildah",
    "docker": "docker.io",
    "runc": "runc",
    "nginx": "nginx",
    "squid": "squid",
    "ip": "iproute2",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "nsenter": "util-linux",
    "curl": "curl",
    "systemctl": "systemd",
    "shellcheck": "shellcheck",
    "busybox": "busybox-static",
    "trust": "p11-kit",
    "jq": "jq",
    "dash": "dash",
    "bash": "bash",
    "python3": "python3",
    "promtool": "prometheus",
    "tmux": "tmux",
    "postgres": "postgresql",
    "initdb": "postgresql",
    "faketime": "faketime",
}

CHROMIUM = "chromium"  # the command, and the package


def require(*commands: str) -> None:
    """Skip the test, or fail it under CI=true, unless this machine has what it needs."""
    require_programs(*commands)
    if not seclusion.is_allowed():
        do_without("it needs root and may then use unshare(1): run it as root")


def require_programs(*commands: str) -> None:
    """The same where the programs are enough, whoever runs them."""
    path = bare_environment()["PATH"]
    missing = {PACKAGES[name] for name in commands if shutil.which(name, path=path) is None}
    if missing:
        do_without(f"`apt-get install {' '.join(sorted(missing))}` installs what it needs")


def require_browser() -> None:
    """Skip the test, under CI=true too, unless there is one: it is larger than all other parts."""
    if shutil.which(CHROMIUM, path=bare_environment()["PATH"]) is None:
        pytest.skip(f"this test cannot run here: `apt-get install {CHROMIUM}` installs a browser")


def require_network() -> None:
    """The same, unless networks can be made here."""
    require("ip", "iptables", "ip6tables", "nsenter")
    if not network.is_allowed():
        do_without("it needs network namespaces with iptables of their own")


def do_without(remedy: str) -> NoReturn:
    """Skip the test, or fail it under CI=true, and say what would let it run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"this test cannot run here: {remedy}", pytrace=False)
    pytest.skip(f"this test cannot run here: {remedy}")
