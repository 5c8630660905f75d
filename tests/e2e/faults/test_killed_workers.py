"""A worker is killed at any moment of a pull: nobody else notices, and another takes its place.

`METAHUB_KILLS=50 pytest tests/e2e/faults/test_killed_workers.py` kills more often, as `make faults`
does.
"""

import http.client
import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.faults import pulling
from tests.e2e.faults.pulling import A_PULL, LATE, PHASES, SEED, Phase, Round
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.test_workers import children, measured, parent_of
from tests.e2e.upstreams.odd_registry import PIECE, OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE, Trust

KILLS = pulling.KILLS or 3
A_PLACE = 60.0  # seconds; who is killed again and again is replaced after half as many
MOST_TRIED = 50  # connections, until each worker has one
LAYER = "/v2/killed/layer/blobs/sha256:" + "0" * 64
BODY = bytes(24 * PIECE)


@pytest.fixture(scope="module")
def upstream(trust: Trust) -> Iterator[OddRegistry]:
    """A registry with a layer that takes a while."""
    with OddRegistry(trust.pair.server_context(), HERE) as running:
        running[LAYER] = Reply(BODY, pause=0.05)
        yield running


@pytest.fixture(scope="module")
def doomed(serve_all: Serve, upstream: OddRegistry) -> Proxy:
    """A proxy whose workers are killed, one after the other."""
    return serve_all(table(upstream.address), metahub_workers=2)


@pytest.mark.timeout(60 + 40 * KILLS)
def test_a_worker_is_killed(doomed: Proxy, upstream: OddRegistry) -> None:
    """What it said stands at once, all can pull, and a layer of the other arrives whole."""
    chance = random.Random(SEED)
    for number in range(KILLS):
        assert eventually(lambda: measured(doomed, "metahub_workers") == 2, A_PLACE)
        workers = children(parent_of(doomed))
        victim, other = workers[number % 2], workers[1 - number % 2]
        now = pulling.round_of(number, doomed, upstream)
        with ExitStack() as ends:
            layers = _a_layer_of_each(workers, doomed, upstream, ends)
            later = chance.uniform(0, LATE)
            _kill(victim, PHASES[2 * number % len(PHASES)], later, now)
            assert layers[other].getresponse().read() == BODY
            with pytest.raises((http.client.HTTPException, OSError)):
                layers[victim].getresponse().read()
        for pull in now.pulls:
            pulling.assert_stands(pull)
        pulling.assert_all_can_pull(now)
        assert other in children(parent_of(doomed))


def _kill(victim: int, phase: Phase, later: float, now: Round) -> None:
    """At that moment, a little late; and see all of the pulls to their ends."""
    with ThreadPoolExecutor(len(now.pulls)) as nodes:
        running = [nodes.submit(pull.go_on) for pull in now.pulls]
        eventually(lambda: phase(now) or pulling.all_done(running), A_PULL)
        time.sleep(later)
        os.kill(victim, signal.SIGKILL)
        for one in running:
            one.result()
    assert eventually(lambda: not Path(f"/proc/{victim}/fd/0").exists(), A_PULL)


def _a_layer_of_each(
    workers: list[int], proxy: Proxy, upstream: OddRegistry, ends: ExitStack
) -> dict[int, http.client.HTTPConnection]:
    """For each worker a connection on which a layer comes, slowly."""
    found: dict[int, http.client.HTTPConnection] = {}
    wire = proxy.wire(upstream.address, login_of(TYPE1))
    for _ in range(MOST_TRIED):
        connection = ends.enter_context(wire.asking("GET", LAYER))
        found.setdefault(_worker_of(connection, workers), connection)
        if len(found) == len(workers):
            return found
    raise AssertionError(f"of {workers} only {list(found)} serve anybody")


def _worker_of(connection: http.client.HTTPConnection, workers: list[int]) -> int:
    """Which of them has the other end, by the kernel's table of sockets: proc_net_tcp."""
    port = f":{connection.sock.getsockname()[1]:04X}"
    lines = map(str.split, Path("/proc/net/tcp").read_text().splitlines())
    # Others, of other programs, may have come from the same port.
    ends = {f"socket:[{words[9]}]" for words in lines if words[2].endswith(port)}
    (worker,) = (pid for pid in workers if ends & _open_in(pid))
    return worker


def _open_in(pid: int) -> set[str]:
    """The names of what a process has open."""
    return {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
