"""What every store promises, shown on every store there is."""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from metahub.core.content import Content
from metahub.core.decision import Decision
from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, MAX_MANIFEST_BYTES, OCI_INDEX
from metahub.store import (
    KeptAnswer,
    KeptDecision,
    Location,
    MemoryStore,
    SqlStore,
    Store,
    parse_location,
)
from tests.core.decided import decided


class ForgetfulSqlStore:
    """A SqlStore that is opened for each question anew: it knows only what the database holds."""

    def __init__(self, location: Location) -> None:
        self._location = location

    def index(self, digest: Digest) -> Content | None:
        return self._ask(lambda store: store.index(digest))

    def keep_index(self, digest: Digest, content: Content) -> None:
        self._ask(lambda store: store.keep_index(digest, content))

    def answer(self, digest: Digest) -> KeptAnswer | None:
        return self._ask(lambda store: store.answer(digest))

    def keep_answer(self, digest: Digest, content: Content, upstream: Digest) -> None:
        self._ask(lambda store: store.keep_answer(digest, content, upstream))

    def seen(self) -> Mapping[str, datetime]:
        return self._ask(lambda store: store.seen())

    def keep_seen(self, seen: Mapping[str, datetime]) -> None:
        self._ask(lambda store: store.keep_seen(seen))

    def keep_decisions(self, decisions: Sequence[Decision], most: int) -> None:
        self._ask(lambda store: store.keep_decisions(decisions, most))

    def decisions(self, after: int | None = None, most: int = 1000) -> Sequence[KeptDecision]:
        return self._ask(lambda store: store.decisions(after, most))

    def keep_used(self, used: Mapping[Digest, datetime]) -> None:
        self._ask(lambda store: store.keep_used(used))

    def forget_unused(self, before: datetime, most: int) -> int:
        return self._ask(lambda store: store.forget_unused(before, most))

    def size(self) -> float:
        return self._ask(lambda store: store.size())

    def close(self) -> None:
        pass

    def _ask[T](self, question: Callable[[SqlStore], T]) -> T:
        store = SqlStore.at(self._location)
        try:
            return question(store)
        finally:
            store.close()


KINDS: dict[str, Callable[[Location], Store]] = {
    "memory": lambda _: MemoryStore(),
    "SQLite": SqlStore.at,
    "SQLite, opened anew for each question": ForgetfulSqlStore,
    "PostgreSQL": SqlStore.at,
    "PostgreSQL, opened anew for each question": ForgetfulSqlStore,
}


def _marked(kind: str) -> object:
    return pytest.param(kind, marks=pytest.mark.e2e if "PostgreSQL" in kind else ())


@pytest.fixture(params=map(_marked, KINDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each of the stores, empty."""
    location: Location = tmp_path / "metahub.sqlite"
    if "PostgreSQL" in request.param:
        location = parse_location(request.getfixturevalue("postgresql").nothing())
    opened = KINDS[request.param](location)
    yield opened
    opened.close()


UPSTREAM = Content(OCI_INDEX, b'{"schemaVersion":2,"manifests":[{"size":1},{"size":2}]}')
OURS = Content(OCI_INDEX, b'{"schemaVersion":2,"manifests":[{"size":2}]}')
D = Digest.of(UPSTREAM.body)
D_PRIME = Digest.of(OURS.body)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OLDER, NEWER = Digest.of(b"yesterday's index"), Digest.of(b"today's index")


def test_what_was_never_kept_is_not_known(store: Store) -> None:
    """It is no error: a client may ask for any digest."""
    assert store.index(D) is None
    assert store.answer(D_PRIME) is None


@pytest.mark.parametrize(
    "content",
    [
        UPSTREAM,
        Content(DOCKER_LIST, b"\xef\xbb\xbf{}\r\n\x00\xff"),
        Content("application/vnd.example+json", b""),
        Content(OCI_INDEX, bytes(range(256)) * (MAX_MANIFEST_BYTES // 256)),
    ],
    ids=["an index", "no text", "empty", "as large as clients take"],
)
def test_content_comes_back_byte_for_byte(store: Store, content: Content) -> None:
    """Whatever the bytes are: a store does not look into them."""
    digest = Digest.of(content.body)
    store.keep_index(digest, content)
    store.keep_answer(digest, content, D)
    assert store.index(digest) == content
    assert store.answer(digest) == KeptAnswer(content, (D,))


def test_upstreams_indexes_and_ours_are_apart(store: Store) -> None:
    """A pin of upstream's index is a pin: it may not be taken for an answer of ours."""
    store.keep_index(D, UPSTREAM)
    store.keep_answer(D_PRIME, OURS, D)
    assert store.answer(D) is None
    assert store.index(D_PRIME) is None


def test_the_same_again_changes_nothing(store: Store) -> None:
    """Every pull keeps what it answers."""
    for _ in range(3):
        store.keep_index(D, UPSTREAM)
        store.keep_answer(D_PRIME, OURS, D)
    assert store.index(D) == UPSTREAM
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))


def test_an_answer_remembers_all_that_it_was_made_of(store: Store) -> None:
    """A Docker manifest list of ours does not say where it is from, so several may become one."""
    store.keep_answer(D_PRIME, OURS, OLDER)
    store.keep_answer(D_PRIME, OURS, NEWER)
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (NEWER, OLDER))


def test_the_newest_origin_is_the_last_that_was_kept(store: Store) -> None:
    """A tag that was set back points to an older index again: upstream has that one."""
    for upstream in (OLDER, D, NEWER, OLDER):
        store.keep_answer(D_PRIME, OURS, upstream)
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (OLDER, NEWER, D))


def test_an_origin_may_be_a_digest_of_another_algorithm(store: Store) -> None:
    """A registry may name its indexes by sha512."""
    upstream = Digest.parse("sha512:" + "0123456789abcdef" * 8)
    store.keep_answer(D_PRIME, OURS, upstream)
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (upstream,))


def test_the_last_media_type_counts(store: Store) -> None:
    """An index need not say its own: the registry does, and may have been set right since."""
    store.keep_index(D, Content("application/json", UPSTREAM.body))
    store.keep_index(D, UPSTREAM)
    assert store.index(D) == UPSTREAM


@pytest.mark.parametrize(
    "other", [b"", b"{}", UPSTREAM.body + b"\n"], ids=["empty", "other", "longer"]
)
def test_nothing_is_kept_under_a_false_name(store: Store, other: bytes) -> None:
    """Whoever asks by digest relies on it."""
    content = Content(OCI_INDEX, other)
    message = f"^{D} is not the digest of these {len(other)} bytes$"
    with pytest.raises(ValueError, match=message):
        store.keep_index(D, content)
    with pytest.raises(ValueError, match=message):
        store.keep_answer(D, content, D)
    assert store.index(D) is None
    assert store.answer(D) is None


def test_many_threads_may_use_one_store(store: Store) -> None:
    """What one thread has kept, all find, and none loses another's origin."""
    origins = [Digest.of(b"upstream %d" % number) for number in range(12)]

    def pull(upstream: Digest) -> Content | None:
        store.keep_index(D, UPSTREAM)
        store.keep_answer(D_PRIME, OURS, upstream)
        store.answer(D_PRIME)
        return store.index(D)

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(pull, origins)) == [UPSTREAM] * len(origins)
    kept = store.answer(D_PRIME)
    assert kept is not None
    assert sorted(kept.made_of) == sorted(origins)
    assert kept.content == OURS


def test_nobody_was_seen_at_first(store: Store) -> None:
    """And to keep nothing is no news."""
    assert store.seen() == {}
    store.keep_seen({})
    assert store.seen() == {}


def test_who_was_seen_last_counts(store: Store) -> None:
    """Whatever they are called; what another instance tells late changes nothing."""
    store.keep_seen({"anna": NOON, "bert": NOON, "ü 'x'": NOON})
    store.keep_seen({"anna": NOON + SECOND, "bert": NOON - SECOND})
    assert store.seen() == {"anna": NOON + SECOND, "bert": NOON, "ü 'x'": NOON}


def test_a_moment_comes_back_in_utc_and_to_the_second(store: Store) -> None:
    """Wherever the clock hangs."""
    east = timezone(timedelta(hours=9))
    store.keep_seen({"anna": (NOON + timedelta(milliseconds=700)).astimezone(east)})
    (seen,) = store.seen().values()
    assert (seen, seen.utcoffset()) == (NOON, timedelta(0))


def test_many_threads_may_see_the_same_user(store: Store) -> None:
    """The last moment stays, whoever told it first."""
    moments = [NOON + number * SECOND for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda at: store.keep_seen({"anna": at, str(at): at}), moments))
    assert store.seen()["anna"] == moments[-1]
    assert len(store.seen()) == 13


def ids(kept: Sequence[KeptDecision]) -> list[str]:
    """Which decisions these are."""
    return [one.decision.id for one in kept]


def test_decisions_are_found_by_their_places(store: Store) -> None:
    """Whole, in the order in which they were kept: the newest, or those beyond a place."""
    assert store.decisions() == []
    store.keep_decisions([], 10)
    store.keep_decisions([decided(id="a"), decided(id="b")], 10)
    store.keep_decisions([decided(id="c")], 10)
    first, second, third = store.decisions()
    assert first.decision == decided(id="a")
    assert first.place < second.place < third.place
    assert ids(store.decisions(most=2)) == ["b", "c"]
    assert ids(store.decisions(after=first.place)) == ["b", "c"]
    assert ids(store.decisions(after=first.place, most=1)) == ["b"]
    assert store.decisions(after=third.place) == []


def test_the_oldest_decisions_are_forgotten(store: Store) -> None:
    """However many come at once; and no place is taken twice."""
    store.keep_decisions([decided(id=name) for name in "abcdef"], 3)
    assert ids(store.decisions()) == ["d", "e", "f"]
    last = store.decisions()[-1].place
    store.keep_decisions([decided(id="g")], 1)
    (only,) = store.decisions()
    assert (only.decision.id, only.place) == ("g", last + 1)


def in_hours(hours: int) -> datetime:
    """So long from now: what is kept now is older then."""
    return datetime.now(UTC) + timedelta(hours=hours)


def test_what_nobody_used_is_forgotten(store: Store) -> None:
    """Ours with what it was made of, and upstream's; decisions and users are not."""
    store.keep_index(D, UPSTREAM)
    store.keep_answer(D_PRIME, OURS, D)
    store.keep_decisions([decided()], 10)
    store.keep_seen({"anna": NOON})
    assert store.forget_unused(in_hours(-1), 10) == 0
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))
    assert store.forget_unused(in_hours(1), 10) == 2
    assert store.answer(D_PRIME) is None
    assert store.index(D) is None
    assert len(store.decisions()) == len(store.seen()) == 1
    store.keep_answer(D_PRIME, OURS, NEWER)
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (NEWER,))


def test_what_was_used_since_stays(store: Store) -> None:
    """Of either kind; an earlier use, told late by another instance, takes nothing back."""
    store.keep_used({})
    store.keep_index(D, UPSTREAM)
    store.keep_answer(D_PRIME, OURS, D)
    store.keep_used({D: in_hours(5), D_PRIME: in_hours(5), NEWER: in_hours(5)})
    store.keep_used({D: in_hours(0), D_PRIME: in_hours(0)})
    assert store.forget_unused(in_hours(4), 10) == 0
    assert store.index(D) == UPSTREAM
    assert store.answer(D_PRIME) == KeptAnswer(OURS, (D,))
    assert store.forget_unused(in_hours(6), 10) == 2


def test_no_more_is_forgotten_at_once_than_is_asked_for(store: Store) -> None:
    """Of each kind, and the oldest first: nobody has to wait long for who forgets."""
    several = [Content(OCI_INDEX, b"%d" % number) for number in range(3)]
    digests = [Digest.of(content.body) for content in several]
    for digest, content in zip(digests, several, strict=True):
        store.keep_index(digest, content)
        store.keep_answer(digest, content, D)
    store.keep_used({digests[0]: in_hours(2), digests[1]: in_hours(1)})
    told = [store.forget_unused(in_hours(3), 2) for _ in range(3)]
    assert told == [4, 2, 0]


def test_several_may_forget_while_others_keep(store: Store) -> None:
    """Each instance does, at the same hour; what is old goes once, and what is new is not lost."""
    old = [Content(OCI_INDEX, b"%d" % number) for number in range(12)]
    for content in old:
        store.keep_answer(Digest.of(content.body), content, D)
    now = datetime.now(UTC) + timedelta(hours=1)
    store.keep_used({Digest.of(content.body): now for content in old[:4]})

    def forget_or_keep(number: int) -> int:
        if number % 2:
            store.keep_index(Digest.of(b"new %d" % number), Content(OCI_INDEX, b"new %d" % number))
            store.keep_used({Digest.of(b"new %d" % number): now})
            return 0
        return store.forget_unused(now - timedelta(minutes=30), 3)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(forget_or_keep, range(8)))
    kept = [content for content in old if store.answer(Digest.of(content.body))]
    assert kept == old[:4]


def test_a_store_says_how_large_it_is(store: Store) -> None:
    """Unless it is nowhere."""
    before, large = store.size(), Content(OCI_INDEX, random.Random(0).randbytes(1_000_000))
    store.keep_index(Digest.of(large.body), large)
    assert isinstance(store, MemoryStore) == math.isnan(before)
    assert math.isnan(before) or store.size() > before > 0
