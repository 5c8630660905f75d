"""The clock of the proxy's machine jumps by a day, forth and back: nobody who pulls notices.

What holds for seconds goes by another clock, which is in tests/proxy/test_yeses.py.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from metahub.demo.bench import TABLE, TAG
from tests.e2e.asking.asker import Asker, digest_of
from tests.e2e.faults.held import little_more_held
from tests.e2e.machine.parts import require_programs
from tests.e2e.proxies.edits import rename_over
from tests.e2e.proxies.proxy import Proxy, metahub_in
from tests.e2e.proxies.rules import table
from tests.e2e.upstreams.indexes import unseen
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import Trust

JUMPS = {"+1d": 1, "-1d": -1, "+0": 0}  # as faketime writes them, and in days


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """The file that says how far the proxy's clock is from the real one."""
    file = tmp_path / "clock"
    file.write_text("+0")
    return file


@pytest.fixture
def proxy(tmp_path: Path, clock: Path, trust: Trust, odd_plain: OddRegistry) -> Iterator[Proxy]:
    """A proxy whose clock jumps, but for the one that nobody can set."""
    require_programs("faketime")
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    running = metahub_in(tmp_path, trust, metahub_workers=1)
    said = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": clock,
        "FAKETIME_NO_CACHE": 1,
        "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        "NO_FAKE_STAT": 1,
    }
    words = (f"{name}={value}" for name, value in said.items())
    running.command = ("env", *words, *running.command)
    running.rule(table(odd_plain.address))
    running.start()
    yield running
    running.stop()


def test_a_clock_that_jumps(proxy: Proxy, clock: Path, odd_plain: OddRegistry) -> None:
    """Logins, connections, and what was kept: all of it goes on."""
    told: list[tuple[Asker, str]] = []
    with little_more_held(proxy):
        for number, jump in enumerate(JUMPS):
            rename_over(clock, jump)
            repository = f"clock/n{number}"
            odd_plain.offer(repository, TAG, unseen(repository))
            for user in TABLE:
                asker = Asker.through(proxy, odd_plain.address, user, repository)
                told.append((asker, asker.digest(TAG)))
            for asker, digest in told:
                assert digest_of(asker.get(digest)) == digest
    today = datetime.now(UTC).date()
    assert _days(proxy) >= {today + timedelta(days=days) for days in JUMPS.values()}


def _days(proxy: Proxy) -> set[date]:
    """On which the proxy believes that it decided something."""
    lines = (line for line in proxy.said().splitlines() if line.startswith("{"))
    return {datetime.fromisoformat(json.loads(line)["time"]).date() for line in lines}
