"""Upstream's indexes, where a command finds them: in what it reads, and in the store.

Knows the store of a config.yaml. Must not know what becomes of an index.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import typer

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.explaining.recorded import KnownIndexes
from metahub.store import MemoryStore, SqlStore, Store, StoreError, parse_location


@dataclass(frozen=True, slots=True)
class InStore:
    """What a store knows. Raises StoreError."""

    store: Store

    def index(self, digest: Digest) -> Content | None:
        """Upstream's index `D`; None where it was never kept."""
        return self.store.index(digest)

    def origin(self, digest: Digest) -> Digest | None:
        """What an index of ours was made of last."""
        kept = self.store.answer(digest)
        return kept.made_of[0] if kept else None


@dataclass(frozen=True, slots=True)
class FirstKnown:
    """What the first of two knows, or else the second."""

    first: KnownIndexes
    second: KnownIndexes

    def index(self, digest: Digest) -> Content | None:
        """Upstream's index `D`, from the first that has it."""
        return self.first.index(digest) or self.second.index(digest)

    def origin(self, digest: Digest) -> Digest | None:
        """What an index of ours was made of, as the first says that knows."""
        return self.first.origin(digest) or self.second.origin(digest)


@contextmanager
def in_store_at(place: str | None) -> Iterator[InStore]:
    """What the store there knows: nothing, where there is none, or none that can be read."""
    with closing(_opened(place)) as store:
        yield InStore(store)


def _opened(place: str | None) -> Store:
    if place is None:
        return MemoryStore()
    try:
        return SqlStore.to_read(parse_location(place))
    except StoreError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            typer.echo(f"metahub: {error}; going on without it", err=True)
        return MemoryStore()
