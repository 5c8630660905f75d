"""What a store asks of the database that it is in.

Knows how SQL is asked. Must not know which tables there are.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sqlalchemy import Connection

from metahub.store.contract import StoreError


class Database(Protocol):
    """A database with the tables of today. Whatever goes wrong with it raises StoreError."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that sees what was kept before, and waits for nobody who writes."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction, one at a time: whoever comes second waits, and not for long."""
        ...

    def size(self) -> float:
        """Its bytes."""
        ...

    def close(self) -> None:
        """Let go of it; it is not asked again."""
        ...


@contextmanager
def closed_on_error(database: Database) -> Iterator[None]:
    """Of one that cannot be used after all, nothing is held open."""
    try:
        yield
    except StoreError:
        database.close()
        raise
