"""The certificates that the proxy shows, before clients that know what its CA may sign for."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metahub.demo.address import LOOPBACK, Address
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.node.authority import Confdir, SigningPair, constraints_for
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import Wire
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import HERE, HOST
from tests.proxy.running import Serve

ELSEWHERE = "127.0.0.2"  # where the proxy is, and no registry

# mitmproxy's own defaults: it then looks at upstream's certificate before it shows one.
EAGER = {"connection_strategy": "eager", "upstream_cert": True}


def confdir_for(place: Path, *hosts: str) -> str:
    """A confdir whose CA may sign for these hosts, and no others."""
    pair = SigningPair.create("constrained", datetime.now(UTC), constraints_for(hosts))
    Confdir(place).put(pair)
    return str(place)


@pytest.mark.parametrize("more", [{}, EAGER], ids=["lazy", "eager"])
@pytest.mark.parametrize("host", [HERE, LOOPBACK])
def test_a_certificate_names_the_host_alone(
    host: str, more: dict[str, object], serve: Serve, odd: OddRegistry, tmp_path: Path
) -> None:
    """Not the address of the proxy, nor the many names of upstream's certificate."""
    registry = replace(odd.address, host=host)
    confdir = confdir_for(tmp_path, host)
    proxy = serve(table(registry), confdir=confdir, listen_host=ELSEWHERE, **more)
    wire = Wire(
        registry,
        proxy.authority,
        Address(ELSEWHERE, proxy.address.port, "http"),
        login_of(TYPE1),
        first=ELSEWHERE,
    )
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    assert Asker(wire, REPOSITORY).get(TAG).status == 200


@pytest.mark.parametrize("host", [HOST, ELSEWHERE])
def test_a_mirror_is_known_by_its_own_name(
    host: str, serve: Serve, odd: OddRegistry, tmp_path: Path
) -> None:
    """Or by its own address; the registry behind it is none of the node's business."""
    confdir = confdir_for(tmp_path, host)
    modes = [f"reverse:{odd.address.url}"]
    proxy = serve(table(odd.address), confdir=confdir, listen_host=ELSEWHERE, mode=modes)
    mirror = Address(host, proxy.address.port, "https")
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    wire = Wire(mirror, proxy.authority, first=ELSEWHERE)
    assert Asker(wire, REPOSITORY).get(TAG).status == 200
