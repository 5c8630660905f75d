"""The network of the tests itself: what it joins, and that nothing of it stays."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.machine.network import Network, networked
from tests.e2e.machine.parts import require_network
from tests.e2e.machine.running import eventually

HELD = """\
import sys, time
from pathlib import Path
from tests.e2e.machine.network import networked
with networked(Path(sys.argv[1])) as network:
    print(network.proxy.holder.process.pid, network.node1.holder.process.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("family", ["v4", "v6"])
@pytest.mark.parametrize("end", ["proxy", "registry", "node2", "stranger"])
def test_each_is_reached_at_its_address(end: str, family: str, network: Network) -> None:
    """By the node, which sends everything to the router between them; nobody listens there."""
    site = getattr(network, end)
    address = getattr(site, family)
    command = [
        sys.executable,
        "-c",
        f"import socket; socket.create_connection(({address!r}, 9), 5)",
    ]
    ended = subprocess.run(network.node1.inside(command), capture_output=True, check=False)
    assert b"ConnectionRefusedError" in ended.stderr


def test_a_site_knows_what_listens(network: Network) -> None:
    """In itself, and nowhere else; the thread that looks is back on its own network."""
    with network.node1.entered():
        server = socket.create_server(("", 0))
    with server:
        port = server.getsockname()[1]
        assert network.node1.listens(port)
        assert not network.node2.listens(port)
    assert not network.node1.listens(port)


def test_a_network_ends(tmp_path: Path) -> None:
    """With its holders, when the test has done with it."""
    require_network()
    with networked(tmp_path) as network:
        held = network.proxy.file
        assert held.exists()
    assert not held.exists()


def test_a_network_ends_with_the_run_that_is_killed(tmp_path: Path) -> None:
    """Nobody is left who could remove it."""
    require_network()
    command = [sys.executable, "-c", HELD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        pids = run.stdout.readline().split()
        run.send_signal(signal.SIGKILL)
    assert len(pids) == 2
    assert eventually(lambda: not any(Path(f"/proc/{pid}/ns/net").exists() for pid in pids))
