"""The disk of the store is full under a running proxy: it says so, and goes on once it is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.bench import TAG
from tests.e2e.asking.asker import Asker, digest_of, message_of
from tests.e2e.faults.held import little_more_held
from tests.e2e.machine.parts import require
from tests.e2e.proxies.proxy import Proxy, metahub_in
from tests.e2e.proxies.rules import TYPE1, table
from tests.e2e.upstreams.indexes import unseen
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import Trust

TIMES = 20
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=2m small "$1" && shift && exec "$@"'
FULL = "the store failed: {} cannot be used (database or disk is full): free some space on its disk"


@pytest.fixture
def proxy(tmp_path: Path, trust: Trust, odd: OddRegistry) -> Iterator[Proxy]:
    """A proxy whose store has a disk to itself, which is mounted for this process alone."""
    require()
    disk = tmp_path / "disk"
    disk.mkdir()
    running = metahub_in(
        tmp_path, trust, metahub_store=str(disk / "store.sqlite"), metahub_workers=1
    )
    own_mounts = ("unshare", "--mount", "--propagation", "private")
    mounting = ("sh", "-c", ON_A_SMALL_DISK, "sh", str(disk))
    running.command = (*own_mounts, *mounting, *running.command)
    running.rule(table(odd.address))
    running.start()
    yield running
    running.stop()


def test_a_disk_that_is_full(proxy: Proxy, odd: OddRegistry) -> None:
    """Nothing is served that is not kept; what was kept is served; nobody restarts anything."""
    old, new = (_offered(f"full/{name}", proxy, odd) for name in ("old", "new"))
    digest = old.digest(TAG)
    filler = _filled(proxy)
    with little_more_held(proxy):
        for _ in range(TIMES):
            refused, known = new.get(TAG), old.get(digest)
            assert FULL.format(proxy.directory / "disk/store.sqlite") in message_of(refused)
            assert (known.status, digest_of(known)) == (200, digest)
    filler.unlink()
    answer = new.get(TAG)
    assert (answer.status, answer.headers["docker-content-digest"]) == (200, digest_of(answer))
    assert new.get(digest_of(answer)).body == answer.body


def _offered(repository: str, proxy: Proxy, odd: OddRegistry) -> Asker:
    odd.offer(repository, TAG, unseen(repository))
    return Asker.through(proxy, odd.address, TYPE1, repository)


def _filled(proxy: Proxy) -> Path:
    """The file that takes all that was left, as the proxy's own namespace shows it."""
    assert proxy.running is not None
    root = Path(f"/proc/{proxy.running.process.pid}/root")
    filler = root / str(proxy.directory / "disk" / "filler").removeprefix("/")
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return filler
