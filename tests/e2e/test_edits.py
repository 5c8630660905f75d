"""Rules are edited while the proxy runs: what is right is taken, what is wrong changes nothing."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from metahub.core.digest import Digest
from metahub.demo.bench import BROADWELL, REPOSITORY, SKYLAKE, TAG, qnib_bench
from metahub.demo.images import Build, image_of
from tests.e2e.asking.asker import Asker, digest_of, entries_of
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.edits import overwrite, rename_over, swap_link
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import PIECE, OddRegistry, Reply

type Write = Callable[[Path, str], None]

TAKEN_WITHIN = 3.0  # seconds; one is promised, and a busy machine gets some more
A_WHILE = 1.5  # seconds after which an edit that was not taken never will be
MISTAKE = "machine_types: {type1: {featurs: [cpu:skylake]}}\n"
REPORT = (
    "rules.yaml:1: machine_types.type1.featurs: found an unknown key, "
    "expected one of description, platform, features; did you mean 'features'?"
)

WAYS = pytest.mark.parametrize("write", [overwrite, rename_over, swap_link])


@pytest.fixture
def proxy(serve: Serve, odd: OddRegistry) -> Proxy:
    """A proxy whose rules a test may edit; type1 is a Broadwell."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    return serve(table(odd.address))


@WAYS
def test_a_right_edit_is_taken_and_a_wrong_one_changes_nothing(
    write: Write, proxy: Proxy, odd: OddRegistry
) -> None:
    """type1 becomes a Skylake, stays one over a mistake, and is a Broadwell again after that."""
    rules = proxy.rules / "rules.yaml"
    write(rules, _type1_is("cpu:skylake", odd))
    assert eventually(lambda: _gets(SKYLAKE, proxy, odd), TAKEN_WITHIN)
    write(rules, MISTAKE)
    assert eventually(lambda: REPORT in proxy.said(), TAKEN_WITHIN)
    time.sleep(A_WHILE)
    assert _gets(SKYLAKE, proxy, odd)
    assert proxy.said().count(REPORT) == 1
    write(rules, _type1_is("cpu:broadwell", odd))
    assert eventually(lambda: _gets(BROADWELL, proxy, odd), TAKEN_WITHIN)


def test_a_running_transfer_survives_edits(proxy: Proxy, odd: OddRegistry) -> None:
    """A layer that takes seconds arrives whole, over a good edit and a broken one."""
    layer = bytes(40 * PIECE)
    odd[f"/v2/{REPOSITORY}/blobs/{Digest.of(layer)}"] = Reply(layer, pause=0.1)
    asker = Asker.through(proxy, odd.address, TYPE1)
    with ThreadPoolExecutor(1) as node:
        transfer = node.submit(asker.blob, Digest.of(layer))
        overwrite(proxy.rules / "rules.yaml", _type1_is("cpu:skylake", odd))
        assert eventually(lambda: _gets(SKYLAKE, proxy, odd), TAKEN_WITHIN)
        overwrite(proxy.rules / "rules.yaml", MISTAKE)
        assert eventually(lambda: REPORT in proxy.said(), TAKEN_WITHIN)
        assert not transfer.done()
        assert digest_of(transfer.result()) == str(Digest.of(layer))


def _type1_is(feature: str, odd: OddRegistry) -> str:
    rules = table(odd.address)
    rules["machine_types"]["type1"]["features"] = [feature]
    return yaml.safe_dump(rules)


def _gets(build: Build, proxy: Proxy, odd: OddRegistry) -> bool:
    answer = Asker.through(proxy, odd.address, TYPE1).get(TAG)
    return entries_of(answer) == [str(image_of(build).manifest.digest)]
