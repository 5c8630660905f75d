"""What nobody uses is forgotten, and nothing else."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mitmproxy.test import taddons

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.proxy import kept_together
from metahub.proxy import pruning as module
from metahub.proxy.options import Options
from metahub.proxy.pruning import Pruning
from metahub.proxy.store_in_use import StoreInUse
from metahub.proxy.store_threads import StoreThreads
from metahub.proxy.uses import Uses
from metahub.store import MemoryStore, SqlStore, StoreError
from tests.e2e.asking.asker import Asker
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.indexes import unseen
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.running import ProxyInThread, Serve

OURS = Content(OCI_INDEX, b"{}")
D_PRIME = Digest.of(OURS.body)
D = Digest.of(b"upstream's")


class Counting(MemoryStore):
    """A store that notes what it is told, and fails if told to."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[set[Digest]] = []
        self.forgotten = 0
        self.why = ""

    def keep_used(self, used: Mapping[Digest, datetime]) -> None:
        """Keep it, or fail."""
        if self.why:
            raise StoreError(self.why)
        self.noted.append(set(used))
        super().keep_used(used)

    def forget_unused(self, before: datetime, most: int) -> int:
        """Forget, and count it."""
        self.forgotten += 1
        return super().forget_unused(before, most)


@pytest.fixture
def store() -> Counting:
    """One with an answer that was used a second ago."""
    store = Counting()
    store.keep_answer(D_PRIME, OURS, D)
    return store


@pytest.fixture
async def in_use(store: Counting, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StoreInUse]:
    """The store, in its threads; what is noted is noted at the next turn of the event loop."""
    monkeypatch.setattr(kept_together, "_SECONDS_TOGETHER", 0)
    monkeypatch.setattr(module, "_PAUSE", 0)
    in_use = StoreInUse()
    in_use._store = StoreThreads(store)
    yield in_use
    in_use.done()


@pytest.fixture
async def uses(in_use: StoreInUse) -> AsyncIterator[Uses]:
    """What notes uses in it."""
    uses = Uses(in_use)
    yield uses
    await uses.finish()


@pytest.fixture
def days() -> Iterator[taddons.context]:
    """Mitmproxy's options, with ours."""
    with taddons.context(Options()) as context:
        yield context


async def noted(uses: Uses) -> None:
    """Wait until everything is."""
    if uses._kept._keeping is not None:
        await uses._kept._keeping


async def test_a_use_is_noted_once(uses: Uses, store: Counting) -> None:
    """However often an index is asked for: each time is a write to a disk."""
    for _ in range(100):
        uses.note(D_PRIME)
        uses.note(D)
    await noted(uses)
    uses.note(D_PRIME)
    await noted(uses)
    assert store.noted == [{D_PRIME, D}]


async def test_a_use_is_noted_again_after_a_while(
    uses: Uses, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an index that is asked for all year."""
    monkeypatch.setattr(uses._lately, "_clock", iter(range(0, 10**6, 43_201)).__next__)
    for _ in range(2):
        uses.note(D)
        await noted(uses)
    assert store.noted == [{D}, {D}]


@pytest.mark.usefixtures("days")
async def test_a_use_that_could_not_be_noted_is_noted_before_anything_is_forgotten(
    uses: Uses, in_use: StoreInUse, store: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    """It may have been the only one; while the store fails, nothing is forgotten."""
    store.why = "its disk is full"
    uses.note(D)
    await noted(uses)
    pruning = Pruning(in_use, uses)
    await pruning.prune()
    assert "What nobody uses is not forgotten: its disk is full." in caplog.messages
    assert (store.noted, store.forgotten) == ([], 0)
    store.why = ""
    await pruning.prune()
    assert (store.noted, store.forgotten) == ([{D}], 1)
    uses.note(D_PRIME)
    await noted(uses)
    assert store.noted == [{D}, {D_PRIME}]


@pytest.mark.parametrize(("kept_for", "age", "stays"), [(2, 4, False), (2, 1, True), (0, 9, True)])
async def test_the_option_says_for_how_long(
    kept_for: int,
    age: int,
    stays: bool,
    uses: Uses,
    in_use: StoreInUse,
    store: Counting,
    days: taddons.context,
) -> None:
    """In days; never where it is zero."""
    days.options.metahub_keep_answers_days = kept_for
    store._used[D_PRIME] = datetime.now(UTC) - timedelta(days=age)
    await Pruning(in_use, uses).prune()
    assert (store.answer(D_PRIME) is not None) == stays


@pytest.mark.usefixtures("days")
async def test_all_that_is_old_goes_at_the_start_a_few_at_a_time(
    uses: Uses, in_use: StoreInUse, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And once an hour; until the store closes."""
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    for number in range(5):
        body = b"%d" % number
        store.keep_index(Digest.of(body), Content(OCI_INDEX, body))
        store._used[Digest.of(body)] = datetime.now(UTC) - timedelta(days=100)
    pruning = Pruning(in_use, uses)
    pruning.running()
    assert await asyncio.to_thread(eventually, lambda: store.forgotten == 4, 5)
    await pruning.done()
    assert pruning._going_on is not None
    await asyncio.wait({pruning._going_on})
    assert store.forgotten == 4
    assert not store._indexes


def asker(proxy: ProxyInThread, odd: OddRegistry, repository: str) -> Asker:
    """One that may see an index of ours."""
    return Asker(proxy.wire(odd.address, login_of(TYPE1)), repository)


def known(file: Path, digest: str) -> bool:
    """Whether a store has an answer."""
    with closing(SqlStore.to_read(file)) as store:
        return store.answer(Digest.parse(digest)) is not None


def test_a_digest_that_somebody_asked_for_stays(serve: Serve, odd: OddRegistry) -> None:
    """Of two that were pulled by tag long ago, the one that a pod still names."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    odd.offer("other/app", TAG, unseen("other/app"))
    proxy = serve(table(odd.address))
    used, unused = (asker(proxy, odd, name).digest(TAG) for name in (REPOSITORY, "other/app"))
    rules, there = table(odd.address), {"metahub_store": str(proxy.store)}
    with closing(sqlite3.connect(proxy.store)) as connection:
        connection.execute("UPDATE answers SET used = used - 100 * 86400")
        connection.commit()
        proxy = serve(rules, metahub_keep_answers_days=0, **there)
        assert asker(proxy, odd, REPOSITORY).get(used).status == 200
        lately = "SELECT count(*) FROM answers WHERE used > unixepoch() - 1000"
        assert eventually(lambda: connection.execute(lately).fetchone() == (1,), 5)
    serve(rules, metahub_keep_answers_days=30, **there)
    file = Path(there["metahub_store"])
    assert eventually(lambda: not known(file, unused), 5)
    assert known(file, used)
