"""The rules are replaced again and again while nodes pull: each answer is by one set, and whole."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from metahub.demo.bench import BROADWELL, GENERIC, REPOSITORY, SKYLAKE, TAG, qnib_bench
from metahub.demo.images import Build, image_of
from metahub.proxy.rules_in_force import RulesInForce
from metahub.rules import Rules, read_rules
from tests.e2e.asking.asker import Asker, digest_of, entries_of
from tests.e2e.proxies.rules import TYPE1, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.held import nothing_more_held
from tests.proxy.running import ProxyInThread
from tests.proxy.test_manifests import ask_as

TIMES = 1000
PAUSE = 0.001  # seconds between two replacements
NODES = 2
SLACK = 8


@pytest.fixture
def both(tmp_path: Path, odd: OddRegistry) -> tuple[Rules, Rules]:
    """Two sets that differ in the machine type, and in the policy: half of each would show."""
    broadwell = table(odd.address)
    skylake = table(odd.address)
    skylake["machine_types"]["type1"]["features"] = ["cpu:skylake"]
    skylake["images"] = [{"match": "**", "choose": "all"}]
    return _read(tmp_path / "one", broadwell), _read(tmp_path / "other", skylake)


@pytest.fixture
def asker(proxy: ProxyInThread, odd: OddRegistry) -> Asker:
    """A node whose machine type and policy change; upstream thinks for a moment each time."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index, pause=0.002)
    return ask_as(TYPE1, proxy, odd)


def test_each_answer_is_by_one_set(
    asker: Asker,
    both: tuple[Rules, Rules],
    proxy: ProxyInThread,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody is refused, none gets the machine type of one with the policy of the other."""
    caplog.set_level(logging.ERROR, "metahub.proxy.rules_in_force")  # it tells of each edit
    stop, entries = threading.Event(), set()

    def node() -> None:
        while not stop.is_set():
            answer = asker.get(TAG)
            assert answer.status == 200
            assert answer.headers["docker-content-digest"] == digest_of(answer)
            entries.add(tuple(entries_of(answer)))

    with nothing_more_held(proxy, SLACK), ThreadPoolExecutor(NODES) as nodes:
        pulling = [nodes.submit(node) for _ in range(NODES)]
        try:
            _replace(proxy, both)
        finally:
            stop.set()
        for one in pulling:
            one.result()
    assert entries == {_of(BROADWELL), _of(SKYLAKE, BROADWELL, GENERIC)}


def _of(*builds: Build) -> tuple[str, ...]:
    """What an index of them has for entries."""
    return tuple(str(image_of(build).manifest.digest) for build in builds)


def _replace(proxy: ProxyInThread, both: tuple[Rules, Rules]) -> None:
    """In the proxy's own event loop, as an edit does that was read."""
    master = proxy._master
    assert master is not None
    in_force = master.addons.get("rulesinforce")
    assert isinstance(in_force, RulesInForce)

    async def replacing() -> None:
        for number in range(TIMES):
            in_force._edited(both[number % 2])
            await asyncio.sleep(PAUSE)

    asyncio.run_coroutine_threadsafe(replacing(), master.event_loop).result(60)


def _read(directory: Path, rules: dict[str, Any]) -> Rules:
    directory.mkdir()
    (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
    return read_rules(directory)
