"""What is not a manifest flows by: layers down, layers up, and hosts that are no registry."""

import asyncio
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.demo.client import Proxy as ProxyOfDemo
from metahub.demo.client import connected
from metahub.demo.images import image_of
from metahub.demo.tls import Authority, trusting
from tests.e2e.asking.asker import Asker, entries_of
from tests.e2e.asking.wire import Wire
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.registry import LOGIN, Registry
from tests.e2e.upstreams.trust import HERE

MEBIBYTE = 1024 * 1024
LAYER = 96 * MEBIBYTE
HELD = 32 * MEBIBYTE  # the most that a transfer may add to the proxy's memory
INDEX = qnib_bench().index
BLOB = f"/v2/{REPOSITORY}/blobs/sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def elsewhere(place: Path) -> Iterator[tuple[OddRegistry, Path]]:
    """A host that no rule names, and the authority of its own that it has."""
    directory = place / "elsewhere"
    directory.mkdir()
    authority = Authority.create("somebody else")
    pair = authority.issue(directory, HERE)
    with OddRegistry(pair.server_context(), HERE) as running:
        running.offer(REPOSITORY, TAG, INDEX)
        yield running, authority.write(directory / "authority.pem")


def test_a_layer_flows_down(odd_proxy: Proxy, odd: OddRegistry) -> None:
    """It is never held in memory."""
    odd[BLOB] = Reply(bytes(LAYER))
    before = _peak(odd_proxy)
    answer = odd_proxy.wire(odd.address, login_of(TYPE1)).ask("GET", BLOB)
    assert (answer.status, len(answer.body)) == (200, LAYER)
    assert _peak(odd_proxy) - before < HELD


def test_a_layer_flows_up(odd_proxy: Proxy, odd: OddRegistry) -> None:
    """It is never held in memory either."""
    path = f"/v2/{REPOSITORY}/blobs/uploads/1"
    odd["PUT", path] = Reply(status=201)
    before = _peak(odd_proxy)
    answer = odd_proxy.wire(odd.address, login_of(TYPE1)).ask("PUT", path, body=bytes(LAYER))
    assert (answer.status, odd.asked[-1].length) == (201, LAYER)
    assert _peak(odd_proxy) - before < HELD


def test_a_push_arrives_as_it_was_sent(proxy: Proxy, registry: Registry) -> None:
    """All builds of the index, although who pushes is a machine type that would see one of them."""
    repository = "qnib/pushed"
    asyncio.run(_push(repository, proxy, registry))
    direct = Asker(Wire(registry.here, registry.trust.authority), repository, LOGIN)
    assert direct.get(TAG).body == INDEX.content
    fitting = Asker.through(proxy, registry.address, TYPE1, repository, LOGIN).get(TAG)
    assert entries_of(fitting) == [str(image_of(TYPE1.gets).manifest.digest)]


def test_a_host_that_is_no_registry_is_tunnelled_unread(
    odd_proxy: Proxy, elsewhere: tuple[OddRegistry, Path]
) -> None:
    """The client sees the host's own certificate, and nobody touches what it says."""
    host, authority = elsewhere
    wire = Wire(host.address, authority, odd_proxy.address, login_of(TYPE1))
    assert Asker(wire, REPOSITORY).get(TAG).body == INDEX.content
    with pytest.raises(ssl.SSLCertVerificationError):
        Asker.through(odd_proxy, host.address, TYPE1).get(TAG)


def test_a_plain_host_that_is_no_registry_is_left_alone(odd_proxy: Proxy) -> None:
    """Byte for byte."""
    with OddRegistry(None, HERE) as host:
        host.offer(REPOSITORY, TAG, INDEX)
        assert Asker.through(odd_proxy, host.address, TYPE1).get(TAG).body == INDEX.content


def test_a_plain_registry_works_as_one_with_tls(odd_proxy: Proxy, odd_plain: OddRegistry) -> None:
    """By tag and by digest."""
    odd_plain.offer(REPOSITORY, TAG, INDEX)
    asker = Asker.through(odd_proxy, odd_plain.address, TYPE1)
    answer = asker.get(asker.digest(TAG))
    assert entries_of(answer) == [str(image_of(TYPE1.gets).manifest.digest)]


async def _push(repository: str, proxy: Proxy, registry: Registry) -> None:
    way = ProxyOfDemo(proxy.address, login_of(TYPE1))
    trusted = trusting(proxy.authority)
    async with connected(registry.address, repository, trusted, login=LOGIN, proxy=way) as client:
        await client.push(TAG, qnib_bench())


def _peak(proxy: Proxy) -> int:
    """The most memory, in bytes, that the proxy ever had."""
    assert proxy.running
    status = Path(f"/proc/{proxy.running.process.pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak
    return int(peak[1]) * 1024
