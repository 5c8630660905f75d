"""Indexes in memory beside the store, and answers of the core that are found once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX, ImageName
from metahub.core.rewrite import Terms, rewrite
from metahub.demo.bench import qnib_bench
from metahub.proxy import judging as judging_module
from metahub.proxy import kept_indexes as kept_indexes_module
from metahub.proxy.indexes import FoundIndex
from metahub.proxy.judging import Judging
from metahub.proxy.kept_indexes import KeptIndexes
from metahub.proxy.metrics import Metrics
from metahub.proxy.store_in_use import StoreInUse
from metahub.proxy.store_threads import StoreThreads
from metahub.proxy.uses import Uses
from metahub.rules import read_rules
from metahub.store import KeptAnswer, MemoryStore

RULES = read_rules(Path(__file__).parents[2] / "metahub_rules")
BENCH = ImageName("docker.io", "qnib/bench")
INDEX = Content(OCI_INDEX, qnib_bench().index.content)
OURS = Content(OCI_INDEX, b"ours")
D, D_OF_OURS = Digest.of(INDEX.body), Digest.of(OURS.body)
OTHER = Digest.of(b"another that ours is made of")
MUCH = 1024 * 1024


class Counted(MemoryStore):
    """A store that counts what it is asked."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def index(self, digest: Digest) -> Content | None:
        """Counted."""
        self.asked.append("index")
        return super().index(digest)

    def answer(self, digest: Digest) -> KeptAnswer | None:
        """Counted."""
        self.asked.append("answer")
        return super().answer(digest)

    def keep_answer(self, digest: Digest, content: Content, upstream: Digest) -> None:
        """Counted."""
        self.asked.append("keep")
        super().keep_answer(digest, content, upstream)


class InUse(StoreInUse):
    """Stores, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.change()

    def change(self) -> None:
        """Another store, with nothing in it."""
        self.counted = Counted()
        self._store = StoreThreads(self.counted)


@pytest.fixture
def in_use() -> Iterator[InUse]:
    """A store."""
    stores = InUse()
    yield stores
    stores.now().close()


type Scene = Callable[[KeptIndexes], Awaitable[None]]


def played(in_use: InUse, most_bytes: int, scene: Scene) -> list[str]:
    """What the store was asked in a scene."""

    async def play() -> None:
        kept = KeptIndexes(in_use, Uses(in_use), Metrics())
        kept.remember(most_bytes)
        await scene(kept)

    asyncio.run(play())
    return in_use.counted.asked


async def upstreams_twice(kept: KeptIndexes) -> None:
    """An index of upstream that was kept before."""
    await kept.keep_upstreams(D, INDEX)
    assert [await kept.upstreams(D) for _ in range(2)] == [INDEX, INDEX]
    assert await kept.upstreams(OTHER) is None


async def ours_twice(kept: KeptIndexes) -> None:
    """An index of ours that was kept before."""
    await kept.keep_ours(D_OF_OURS, OURS, D)
    await kept.keep_ours(D_OF_OURS, OURS, D)
    assert [await kept.ours(D_OF_OURS) for _ in range(2)] == [KeptAnswer(OURS, (D,))] * 2
    assert await kept.ours(OTHER) is None


async def ours_of_two(kept: KeptIndexes) -> None:
    """The same bytes, made of another index, and then of the first again."""
    for origin in (D, OTHER, D):
        await kept.keep_ours(D_OF_OURS, OURS, origin)
        answer = await kept.ours(D_OF_OURS)
        assert answer is not None
        assert answer.made_of[0] == origin


@pytest.mark.parametrize(
    ("scene", "most_bytes", "asked"),
    [
        (upstreams_twice, MUCH, ["index"]),
        (upstreams_twice, 0, ["index", "index", "index"]),
        (upstreams_twice, 2 * len(INDEX.body), ["index", "index", "index"]),
        (ours_twice, MUCH, ["keep", "answer", "answer"]),
        (ours_twice, 0, ["keep", "keep", "answer", "answer", "answer"]),
        (ours_of_two, MUCH, ["keep", "answer"] * 3),
    ],
)
def test_the_store_is_asked_once(
    scene: Scene, most_bytes: int, asked: list[str], in_use: InUse
) -> None:
    """Where there is room in memory."""
    assert played(in_use, most_bytes, scene) == asked


def test_nothing_is_known_of_another_store(in_use: InUse) -> None:
    """What it does not have cannot be asked for again after a restart."""

    async def scene(kept: KeptIndexes) -> None:
        await kept.keep_upstreams(D, INDEX)
        await kept.keep_ours(D_OF_OURS, OURS, D)
        in_use.now().close()
        in_use.change()
        assert await kept.upstreams(D) is None
        await kept.keep_ours(D_OF_OURS, OURS, D)
        assert await kept.ours(D_OF_OURS) == KeptAnswer(OURS, (D,))

    assert played(in_use, MUCH, scene) == ["index", "keep", "answer"]


def test_what_was_forgotten_meanwhile_is_not_served(
    in_use: InUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whichever instance, or whoever put a backup back: the store is asked again soon."""
    monkeypatch.setattr(kept_indexes_module, "_SECONDS_OF_TRUST", 0.01)

    async def scene(kept: KeptIndexes) -> None:
        await kept.keep_ours(D_OF_OURS, OURS, D)
        assert await kept.ours(D_OF_OURS) == KeptAnswer(OURS, (D,))
        assert in_use.counted.forget_unused(datetime.now(UTC) + timedelta(days=100), 10) == 1
        await asyncio.sleep(0.02)
        assert await kept.ours(D_OF_OURS) is None
        await kept.keep_ours(D_OF_OURS, OURS, D)
        assert await kept.ours(D_OF_OURS) == KeptAnswer(OURS, (D,))

    assert played(in_use, MUCH, scene) == ["keep", "answer", "answer", "keep", "answer"]


def terms(machine_type: str) -> Terms:
    """Of the repository's rules, as each request has them."""
    return RULES.terms(BENCH, RULES.machine_types[machine_type])


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> list[Terms]:
    """The terms on which the core was asked."""
    asked: list[Terms] = []

    def counted(body: bytes, media_type: str, image: ImageName, on: Terms) -> object:
        asked.append(on)
        return rewrite(body, media_type, image, on)

    monkeypatch.setattr(judging_module, "rewrite", counted)
    return asked


@pytest.mark.parametrize(("most_bytes", "times"), [(MUCH, 1), (0, 3), (1000, 3)])
@pytest.mark.parametrize("small", [0, 100_000])
def test_the_core_is_asked_once(
    small: int,
    most_bytes: int,
    times: int,
    rewritten: list[Terms],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For one index on one set of terms, in a thread or not."""
    monkeypatch.setattr(judging_module, "_SMALL", small)
    found = FoundIndex(D, INDEX, ())

    async def ask() -> None:
        judging = Judging(Metrics())
        judging.remember(most_bytes)
        answers = [(await judging.of(found, BENCH, terms("type1"))).answer for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]

    asyncio.run(ask())
    assert len(rewritten) == times


def test_other_terms_are_another_question(rewritten: list[Terms]) -> None:
    """Another machine type; and the same under edited rules."""
    found = FoundIndex(D, INDEX, ())
    edited = replace(terms("type1").machine_type, features=frozenset())

    async def ask() -> None:
        judging = Judging(Metrics())
        judging.remember(MUCH)
        digests = [
            (await judging.of(found, BENCH, on)).judgement.digest
            for on in (terms("type1"), terms("type2"), replace(terms("type1"), machine_type=edited))
        ]
        assert len(set(digests)) == 3

    asyncio.run(ask())
    assert len(rewritten) == 3
