"""The whole proxy is killed at any moment of a pull: whatever it said before, it stands by.

`METAHUB_KILLS=50 pytest tests/e2e/faults/test_kills.py` kills more often; `make faults` does.
"""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.faults import pulling
from tests.e2e.faults.pulling import A_PULL, LATE, PHASES, SEED, Phase, Round
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import HERE, Trust

KILLS = pulling.KILLS or len(PHASES)


@pytest.fixture(scope="module")
def upstream(trust: Trust) -> Iterator[OddRegistry]:
    """A registry that thinks for a moment, so that each moment can be met."""
    with OddRegistry(trust.pair.server_context(), HERE) as running:
        yield running


@pytest.fixture(scope="module")
def doomed(serve_all: Serve, upstream: OddRegistry) -> Proxy:
    """A proxy that is killed again and again."""
    return serve_all(table(upstream.address), metahub_workers=1)


@pytest.mark.timeout(60 + 10 * KILLS)
def test_what_was_said_is_so_after_a_kill(doomed: Proxy, upstream: OddRegistry) -> None:
    """Each digest that anybody was answered with gives its bytes afterwards, and all can pull."""
    chance, met = random.Random(SEED), set()
    for number in range(KILLS):
        now = pulling.round_of(number, doomed, upstream)
        phase = number % len(PHASES)
        if _killed_at(PHASES[phase], chance.uniform(0, LATE), now, doomed):
            met.add(phase)
        doomed.start()
        for pull in now.pulls:
            pulling.assert_stands(pull)
        pulling.assert_all_can_pull(now)
    assert len(met) == min(KILLS, len(PHASES))


def _killed_at(phase: Phase, later: float, now: Round, proxy: Proxy) -> bool:
    """Whether the phase was met before the proxy went; it goes in any case."""
    with ThreadPoolExecutor(len(now.pulls)) as nodes:
        running = [nodes.submit(pull.go_on) for pull in now.pulls]
        is_met = eventually(lambda: phase(now) or pulling.all_done(running), A_PULL)
        time.sleep(later)
        proxy.kill()
        for one in running:
            one.result()
    return is_met and phase(now)
