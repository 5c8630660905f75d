"""What a store keeps and promises.

Knows the words between a store and those who ask it. Must not know where anything is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from metahub.core.content import Content
from metahub.core.decision import Decision
from metahub.core.digest import Digest

NOTED_AGAIN = timedelta(hours=12)
"""How long after a use of an index the next is noted: each time is a write to a disk."""


class StoreError(Exception):
    """The store could not answer. The message is one sentence that names the place and a remedy."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An index of ours, and the upstream indexes that it was made of, the newest first.

    There may be several: a Docker manifest list of ours does not name its origin, so that two
    upstream lists which differ only in what went become the same one.
    """

    content: Content
    made_of: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision, and its place among those of all instances: the higher, the newer."""

    place: int
    decision: Decision


class Store(Protocol):
    """Remembers indexes by their digests, users, and decisions. Any number of threads may use it.

    Whatever is kept is found from the moment that `keep_…` returns. Upstream's indexes and ours
    are apart: what was kept as one is never found as the other. Every method may raise StoreError.
    """

    def index(self, digest: Digest) -> Content | None:
        """The upstream index `digest` (`D`); None if it was never kept."""
        ...

    def keep_index(self, digest: Digest, content: Content) -> None:
        """Keep an upstream index. The same again changes nothing.

        Raises ValueError if `digest` is not that of the body.
        """
        ...

    def answer(self, digest: Digest) -> KeptAnswer | None:
        """The index of ours `digest` (`D'`); None if it was never kept."""
        ...

    def keep_answer(self, digest: Digest, content: Content, upstream: Digest) -> None:
        """Keep an index of ours that was made of `upstream`, which becomes the newest origin.

        Raises ValueError if `digest` is not that of the body.
        """
        ...

    def seen(self) -> Mapping[str, datetime]:
        """When each user was seen last, in UTC and to the second, of those that ever were."""
        ...

    def keep_seen(self, seen: Mapping[str, datetime]) -> None:
        """Keep when users were seen. What is earlier than what is kept changes nothing."""
        ...

    def keep_decisions(self, decisions: Sequence[Decision], most: int) -> None:
        """Keep these, in their order, and forget all but the `most` newest, one at least."""
        ...

    def decisions(self, after: int | None = None, most: int = 1000) -> Sequence[KeptDecision]:
        """The first `most` beyond the place `after`; without it, the newest. By their places."""
        ...

    def keep_used(self, used: Mapping[Digest, datetime]) -> None:
        """Keep when indexes of either kind were used last. What is earlier changes nothing."""
        ...

    def forget_unused(self, before: datetime, most: int) -> int:
        """Forget as many as `most` indexes of each kind whose last use that was noted is before.

        To keep one is to use it; so is to keep the same again, which may be noted later, by as
        much as NOTED_AGAIN. How many went.
        """
        ...

    def size(self) -> float:
        """Its bytes, where it is; NaN if it is nowhere."""
        ...

    def close(self) -> None:
        """Let go of what the store holds open; it is not asked again."""
        ...


def refuse_unless_verified(digest: Digest, content: Content) -> None:
    """Raise ValueError if `digest` is not that of the body: nothing is kept under a false name."""
    if not digest.verifies(content.body):
        raise ValueError(f"{digest} is not the digest of these {len(content.body)} bytes")
