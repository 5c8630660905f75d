"""Upstream's indexes and ours: all in the store, and in memory those that were used last.

Knows how much memory that may take. Must not know where an index comes from, nor who gets it.
"""

from cachetools import Cache, LRUCache, TTLCache

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.proxy.metrics import READS, Metrics, Read
from metahub.proxy.store_in_use import StoreInUse
from metahub.proxy.store_threads import StoreThreads
from metahub.proxy.uses import Uses
from metahub.store import KeptAnswer

# Beside its bytes, what an index in memory costs.
_OVERHEAD_BYTES = 1000

_MOST_LINKS = 10_000

# So soon it is found out that a store has lost what it had: that of a backup has, or a table that
# somebody has mended.
_SECONDS_OF_TRUST = 60


class KeptIndexes:
    """Keeps indexes before anybody gets them; what is in memory is, or lately was, in the store.

    Which use was the last is noted for either. All may raise StoreError.
    """

    def __init__(self, store: StoreInUse, uses: Uses, metrics: Metrics) -> None:
        self._store = store
        self._uses = uses
        self._metrics = metrics
        self._of: StoreThreads | None = None
        self.remember(0)

    def remember(self, most_bytes: int) -> None:
        """Have so many bytes of indexes in memory at most, from now on."""
        self._upstreams = LRUCache[Digest, Content](most_bytes // 2, _weight)
        self._ours: TTLCache[Digest, KeptAnswer]
        self._ours = TTLCache(most_bytes // 2, _SECONDS_OF_TRUST, getsizeof=_weight_of_ours)
        links = _MOST_LINKS if most_bytes else 0
        self._newest: TTLCache[Digest, Digest] = TTLCache(links, _SECONDS_OF_TRUST)

    async def upstreams(self, digest: Digest) -> Content | None:
        """The upstream index `digest` (`D`); None if it was never kept."""
        store = self._in_use()
        content = self._upstreams.get(digest) or await store.index(digest)
        self._metrics.count(READS, Read.MISS if content is None else Read.HIT)
        if content is not None:
            self._uses.note(digest)
            self._put(store, self._upstreams, digest, content)
        return content

    async def keep_upstreams(self, digest: Digest, content: Content) -> None:
        """Keep an upstream index."""
        store = self._in_use()
        await store.keep_index(digest, content)
        self._put(store, self._upstreams, digest, content)

    async def ours(self, digest: Digest) -> KeptAnswer | None:
        """The index of ours `digest` (`D'`); None if it was never kept."""
        store = self._in_use()
        kept = self._ours.get(digest) or await store.answer(digest)
        if kept is None:
            self._newest.pop(digest, None)
        else:
            self._put(store, self._ours, digest, kept)
        return kept

    async def keep_ours(self, digest: Digest, content: Content, upstream: Digest) -> None:
        """Keep an index of ours that was made of `upstream`, which is then the newest of those."""
        store = self._in_use()
        if self._newest.get(digest) == upstream:
            return
        await store.keep_answer(digest, content, upstream)
        self._uses.was_kept(digest)
        self._ours.pop(digest, None)  # it is made of one more
        self._put(store, self._newest, digest, upstream)

    def note_use(self, digest: Digest) -> None:
        """The index of ours `digest` is served."""
        self._uses.note(digest)

    def _put[Key, Value](
        self, store: StoreThreads, held: Cache[Key, Value], key: Key, value: Value
    ) -> None:
        """Hold what this store has, if it is in use still, and if there is room for it at all."""
        if store is self._of and held.getsizeof(value) <= held.maxsize:
            held[key] = value

    def _in_use(self) -> StoreThreads:
        """The store; of another one nothing is in memory."""
        store = self._store.now()
        if store is not self._of:
            self._of = store
            for held in (self._upstreams, self._ours, self._newest):
                held.clear()
        return store


def _weight(content: Content) -> int:
    return len(content.body) + _OVERHEAD_BYTES


def _weight_of_ours(kept: KeptAnswer) -> int:
    return _weight(kept.content)
