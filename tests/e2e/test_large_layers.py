"""Layers of a gigabyte: whole, in parts, and over a wire that breaks; the proxy holds none."""

import re
from pathlib import Path

import pytest

from metahub.demo.bench import TAG
from tests.e2e.asking.uploads import Uploads
from tests.e2e.asking.wire import Wire
from tests.e2e.clients.docker import Docker
from tests.e2e.clients.nodes import Nodes
from tests.e2e.clients.shape import Way
from tests.e2e.clients.skopeo import Skopeo
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.registry import LOGIN, Registry
from tests.e2e.upstreams.relay import Relay
from tests.e2e.upstreams.zeros import MEBIBYTE, Zeros

REPOSITORY = "large/layer"
SMALLER = "large/cut"
HELD = 48 * MEBIBYTE  # the most that a transfer may add to the proxy's memory
GIBIBYTE = 1024 * MEBIBYTE
REST = 1000 * MEBIBYTE
CUT_AFTER = 20 * MEBIBYTE


def publish(layer: Zeros, repository: str, registry: Registry) -> None:
    """An image of this one layer, past every proxy."""
    layer.put(registry.running.log.parent / "storage", repository)
    to = Uploads(Wire(registry.here, registry.trust.authority), repository, LOGIN)
    assert to.at_once(layer.config.content).status == 201
    assert to.manifest(TAG, layer.manifest).status == 201


@pytest.fixture(scope="module")
def gigabyte(registry: Registry) -> Zeros:
    """A layer of 1 GiB."""
    layer = Zeros.of(1024)
    publish(layer, REPOSITORY, registry)
    return layer


def test_a_gigabyte_is_pulled(
    gigabyte: Zeros, nodes: Nodes, proxy: Proxy, registry: Registry
) -> None:
    """Every byte of it, which the client verifies; the proxy holds a small part at a time."""
    before = _peak(proxy)
    client = nodes.start(Skopeo, proxy, registry, login_of(TYPE1))
    pull = client.pull(f"{registry.address}/{REPOSITORY}")
    assert pull.worked, pull.seen
    assert pull.digests == {str(gigabyte.manifest.digest)}
    assert _peak(proxy) - before < HELD


@pytest.mark.parametrize(
    ("asked", "told", "length"),
    [
        (f"bytes={REST}-", f"bytes {REST}-{GIBIBYTE - 1}/{GIBIBYTE}", GIBIBYTE - REST),
        ("bytes=0-9", f"bytes 0-9/{GIBIBYTE}", 10),
        ("bytes=-3", f"bytes {GIBIBYTE - 3}-{GIBIBYTE - 1}/{GIBIBYTE}", 3),
    ],
)
def test_a_part_of_it_is_pulled(
    asked: str, told: str, length: int, gigabyte: Zeros, proxy: Proxy, registry: Registry
) -> None:
    """As a client does that has the rest already."""
    wire = proxy.wire(registry.address, login_of(TYPE1))
    path = f"/v2/{REPOSITORY}/blobs/{gigabyte.digest}"
    answer = wire.ask("GET", path, {"Range": asked, "Authorization": LOGIN.header})
    assert (answer.status, answer.headers["content-range"]) == (206, told)
    assert len(answer.body) == length


def test_docker_goes_on_where_a_connection_was_cut(
    serve: Serve, nodes: Nodes, registry: Registry
) -> None:
    """It asks for the rest only, over the proxy and a wire that broke once."""
    layer = Zeros.of(64)
    publish(layer, SMALLER, registry)
    with Relay(registry.address, CUT_AFTER) as relay:
        proxy = serve(table(relay.address))
        way = Way(proxy.url(login_of(TYPE1)))
        client = nodes.start_on(Docker, way, {relay.address: LOGIN}, [proxy.authority])
        pull = client.pull(f"{relay.address}/{SMALLER}")
        assert pull.worked, pull.seen
        assert relay.cuts == 1
    blob = f"/v2/{SMALLER}/blobs/{layer.digest}"
    asked = [seen.status for seen in registry.accesses() if seen.path == blob]
    assert asked == [200, 206]


def _peak(proxy: Proxy) -> int:
    """The most memory, in bytes, that the proxy ever had."""
    assert proxy.running
    status = Path(f"/proc/{proxy.running.process.pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak
    return int(peak[1]) * 1024
