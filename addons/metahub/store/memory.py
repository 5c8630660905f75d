"""A store for as long as the process lives.

Knows the contract of a store. Must not know SQL, nor any file.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock

from metahub.core.content import Content
from metahub.core.decision import Decision
from metahub.core.digest import Digest
from metahub.store.contract import KeptAnswer, KeptDecision, refuse_unless_verified


class MemoryStore:
    """Keeps everything in dictionaries. A store like any other, for tests and short lives."""

    __slots__ = ("_answers", "_decisions", "_indexes", "_lock", "_seen", "_used")

    def __init__(self) -> None:
        self._indexes: dict[Digest, Content] = {}
        self._answers: dict[Digest, KeptAnswer] = {}
        self._seen: dict[str, datetime] = {}
        self._used: dict[Digest, datetime] = {}
        self._decisions: list[KeptDecision] = []
        self._lock = Lock()

    def index(self, digest: Digest) -> Content | None:
        """The upstream index `digest`; None if it was never kept."""
        return self._indexes.get(digest)

    def keep_index(self, digest: Digest, content: Content) -> None:
        """Keep an upstream index. Raises ValueError if `digest` is not that of the body."""
        refuse_unless_verified(digest, content)
        with self._lock:
            self._indexes[digest] = content
            self._use(digest, datetime.now(UTC))

    def answer(self, digest: Digest) -> KeptAnswer | None:
        """The index of ours `digest`; None if it was never kept."""
        return self._answers.get(digest)

    def keep_answer(self, digest: Digest, content: Content, upstream: Digest) -> None:
        """Keep an index of ours. Raises ValueError if `digest` is not that of the body."""
        refuse_unless_verified(digest, content)
        with self._lock:
            known = self._answers.get(digest)
            older = [origin for origin in known.made_of if origin != upstream] if known else []
            self._answers[digest] = KeptAnswer(content, (upstream, *older))
            self._use(digest, datetime.now(UTC))

    def seen(self) -> Mapping[str, datetime]:
        """When each user was seen last."""
        with self._lock:
            return dict(self._seen)

    def keep_seen(self, seen: Mapping[str, datetime]) -> None:
        """Keep when users were seen."""
        with self._lock:
            for user, at in seen.items():
                to_the_second = at.astimezone(UTC).replace(microsecond=0)
                self._seen[user] = max(to_the_second, self._seen.get(user, to_the_second))

    def keep_decisions(self, decisions: Sequence[Decision], most: int) -> None:
        """Keep these, and forget all but the `most` newest of all."""
        with self._lock:
            first = self._decisions[-1].place + 1 if self._decisions else 1
            kept = (KeptDecision(place, one) for place, one in enumerate(decisions, first))
            self._decisions = [*self._decisions, *kept][-most:]

    def decisions(self, after: int | None = None, most: int = 1000) -> Sequence[KeptDecision]:
        """The first `most` beyond the place `after`; without it, the newest. By their places."""
        with self._lock:
            if after is None:
                return self._decisions[-most:]
            return [kept for kept in self._decisions if kept.place > after][:most]

    def keep_used(self, used: Mapping[Digest, datetime]) -> None:
        """Keep when indexes were used last."""
        with self._lock:
            for digest, at in used.items():
                if digest in self._used:
                    self._use(digest, at)

    def forget_unused(self, before: datetime, most: int) -> int:
        """Forget as many as `most` indexes of each kind that were neither kept nor used since."""
        with self._lock:
            old = [digest for digest, at in self._used.items() if at < before]
            gone = [
                kept.pop(digest)
                for kept in (self._indexes, self._answers)
                for digest in [digest for digest in old if digest in kept][:most]
            ]
            self._used = {one: self._used[one] for one in (*self._indexes, *self._answers)}
            return len(gone)

    def size(self) -> float:
        """It is nowhere."""
        return math.nan

    def close(self) -> None:
        """Nothing is held open."""

    def _use(self, digest: Digest, at: datetime) -> None:
        self._used[digest] = max(at, self._used.get(digest, at))
