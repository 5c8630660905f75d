"""How the status page asks the store: for how long, and for which decisions."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from metahub.core.wanted import Wanted
from metahub.proxy.pages.status.overview import in_bytes
from metahub.proxy.pages.status.recent import A_PAGE, Recent
from metahub.proxy.store_in_use import StoreInUse
from metahub.proxy.store_threads import StoreThreads
from metahub.store import KeptDecision, StoreError
from metahub.store.memory import MemoryStore
from tests.core.decided import decided

ALL = Wanted()


class SomeStore(MemoryStore):
    """Has decisions at any places, and says them in any way."""

    def __init__(self, places: Sequence[int] = (), before: Callable[[], object] = list) -> None:
        super().__init__()
        self._decisions = [KeptDecision(place, decided(id=f"{place}")) for place in places]
        self._before = before

    def decisions(self, after: int | None = None, most: int = 1000) -> Sequence[KeptDecision]:
        """After something else."""
        self._before()
        return super().decisions(after, most)


class Opened(StoreInUse):
    """A store that is in use already."""

    def __init__(self, threads: StoreThreads) -> None:
        super().__init__()
        self._store = threads


@contextmanager
def recent(store: SomeStore, seconds: float = 5) -> Iterator[Recent]:
    """What the page asks."""
    threads = StoreThreads(store)
    yield Recent(Opened(threads), seconds)
    threads.close()


async def test_a_store_that_says_nothing_is_not_waited_for() -> None:
    """The rest of the page is there all the same."""
    goes_on = threading.Event()
    with recent(SomeStore([1], goes_on.wait), seconds=0.05) as asked:
        with pytest.raises(StoreError, match=r"^it said nothing for 0\.05 seconds$"):
            await asked.page(ALL, None)
        with pytest.raises(StoreError):
            await asked.one("1", 1)
        goes_on.set()


@pytest.mark.parametrize(
    "places",
    [
        [],
        [1],
        range(1, 51),
        range(1, 52),
        range(700, 1_900),
        [1, 2, 900, 901, 5_000],
        [7, 2_000],
    ],
    ids=str,
)
async def test_pages_hold_each_decision_once(places: Sequence[int]) -> None:
    """The newest first, wherever decisions are: those of before go, and places stay empty."""
    seen: list[int] = []
    before: int | None = None
    with recent(SomeStore(places)) as asked:
        while True:
            found = (await asked.page(ALL, before)).found
            seen += [kept.place for kept in found.decisions]
            before = found.before
            if before is None:
                break
            assert found.gave_up or len(found.decisions) == A_PAGE
        assert [await asked.one(f"{place}", None) for place in places[:2]] == [
            decided(id=f"{place}") for place in places[:2]
        ]
    assert seen == sorted(places, reverse=True)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (10_240, "10 KiB"),
        (1_500_000, "1.4 MiB"),
        (5e9, "4.7 GiB"),
        (5e13, "46566 GiB"),
        (float("nan"), "of unknown size"),
    ],
)
def test_a_size_for_a_person(size: float, said: str) -> None:
    """In the unit that is not too long."""
    assert in_bytes(size) == said
