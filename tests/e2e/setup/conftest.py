"""A MetaHub whose user has the worst of passwords, before a registry for everybody."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import bcrypt
import pytest

from metahub.demo.address import Login
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.tls import Authority
from metahub.node.setup import setup_script
from tests.e2e.machine.parts import do_without, require, require_programs
from tests.e2e.machine.running import DidNotStart
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE2, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.setup.machine import Machine, booted, machine
from tests.e2e.setup.setting_up import SetUp, plant_runtimes, scripts_for
from tests.e2e.setup.shells import SHELLS, Shell
from tests.e2e.upstreams import registry as docker_registry
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import Trust

CHEAPEST_BCRYPT = 4  # rounds
NODE = Login("knoten 1", """ p%2f@:/?#&"'$HOME`\\n\\é€ """)


@pytest.fixture(scope="session")
def open_registry(place: Path, trust: Trust) -> Iterator[Registry]:
    """A registry over TLS that asks for nothing."""
    require("docker-registry")
    directory = place / "open"
    directory.mkdir()
    with docker_registry.serving(directory, trust) as running:
        running.push(REPOSITORY, TAG, qnib_bench())
        yield running


@pytest.fixture(scope="session")
def metahub(serve_everybody: Serve, open_registry: Registry, plain: Registry) -> Proxy:
    """A proxy before both, for the node and nobody else."""
    rules = table(open_registry.address, plain.address)
    hashed = bcrypt.hashpw(NODE.password.encode(), bcrypt.gensalt(CHEAPEST_BCRYPT)).decode()
    node = {"user": NODE.user, "password_hash": hashed, "machine_type": "type4"}
    second = next(one for one in rules["clients"] if one["user"] == login_of(TYPE2).user)
    return serve_everybody(rules | {"clients": [node, second], "unknown_clients": "deny"})


@pytest.fixture(scope="session")
def scripts(metahub: Proxy, open_registry: Registry, plain: Registry) -> SetUp:
    """The scripts of that proxy."""
    registries = [str(open_registry.address), str(plain.address)]
    return SetUp(
        lambda runtime: setup_script(
            runtime, metahub.address.url, [metahub.authority.read_bytes()], registries
        )
    )


@pytest.fixture
def private(place: Path) -> Iterator[Machine]:
    """A machine without an init."""
    require("nsenter")
    with machine(place) as running:
        yield running


@pytest.fixture
def node(place: Path) -> Iterator[Machine]:
    """A machine that systemd runs."""
    require("nsenter", "systemctl")
    with ExitStack() as stack:
        try:
            running = stack.enter_context(booted(place))
        except (DidNotStart, OSError) as error:
            if str(error).endswith("it said: "):
                raise  # it was slow or hangs, which is no want of this machine
            do_without(f"it needs overlayfs, and control groups that root may make ({error})")
        yield running


@pytest.fixture(scope="session")
def setting_up(tmp_path_factory: pytest.TempPathFactory) -> SetUp:
    """Scripts for a proxy that nobody asks here."""
    file: Path = Authority.create("MetaHub").write(tmp_path_factory.mktemp("ca") / "ca.pem")
    return scripts_for([file.read_bytes()])


@pytest.fixture
def there(place: Path) -> Iterator[Machine]:
    """A machine with every runtime, as far as a script can see."""
    require("nsenter", "jq")
    with machine(place) as running:
        plant_runtimes(running)
        yield running


@pytest.fixture(params=SHELLS, ids=lambda shell: " ".join(shell.command))
def shell(request: pytest.FixtureRequest) -> Shell:
    """Each of those that scripts are for."""
    shell: Shell = request.param
    require_programs(shell.command[0])
    return shell
