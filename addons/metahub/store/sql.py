"""A store in a SQLite file, which any number of threads and processes of one machine may share.

Knows the rows of the tables. Must not know what an index means.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select
from sqlalchemy.dialects import sqlite

from metahub.core.decision import Decision
from metahub.core.digest import Digest
from metahub.store.contract import (
    Content,
    KeptAnswer,
    KeptDecision,
    StoreError,
    refuse_unless_verified,
)
from metahub.store.schema import (
    ANSWERS,
    DECISIONS,
    INDEXES,
    ORIGINS,
    SEEN,
    ForeignFileError,
    is_whole,
    make,
    recognise,
)
from metahub.store.sqlite import create_file, explained, open_file, open_file_to_read

LOCK_TIMEOUT_SECONDS = 5.0
"""How long to wait for another thread or process that writes. A write takes milliseconds."""


class SqlStore:
    """Keeps everything in one file. Comes from `SqlStore.at`, or from `SqlStore.to_read`."""

    __slots__ = ("_engine", "_opened", "_path")

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._engine = engine
        self._opened = _identity(path)

    @classmethod
    def at(cls, path: Path, lock_timeout: float = LOCK_TIMEOUT_SECONDS) -> Self:
        """The store in the file `path`, made where there is none. Raises StoreError."""
        path = path.absolute()
        with explained(path):
            if not path.exists():
                create_file(path, make)
            store = cls(path, open_file(path, lock_timeout))
        with store._closed_on_error(), store._writing() as connection:
            recognise(connection)
            make(connection)
        return store

    @classmethod
    def to_read(cls, path: Path) -> Self:
        """The store in a file that is there. Keeping fails; whoever keeps something is not in its
        way. Raises StoreError.
        """
        path = path.absolute()
        with explained(path):
            store = cls(path, open_file_to_read(path))
        with store._closed_on_error(), store._reading() as connection:
            recognise(connection)
            if not is_whole(connection):
                raise StoreError(f"{path} is of an earlier MetaHub: start this one with it once")
        return store

    def index(self, digest: Digest) -> Content | None:
        """The upstream index `digest`; None if it was never kept."""
        with self._reading() as connection:
            return _verified(_stored(connection, INDEXES, digest), digest)

    def keep_index(self, digest: Digest, content: Content) -> None:
        """Keep an upstream index. Raises ValueError if `digest` is not that of the body."""
        refuse_unless_verified(digest, content)
        with self._reading() as connection:
            if _stored(connection, INDEXES, digest) == content:
                return
        with self._writing() as connection:
            _write(connection, INDEXES, digest, content)

    def answer(self, digest: Digest) -> KeptAnswer | None:
        """The index of ours `digest`; None if it was never kept."""
        with self._reading() as connection:
            content = _verified(_stored(connection, ANSWERS, digest), digest)
            return KeptAnswer(content, _made_of(connection, digest)) if content else None

    def keep_answer(self, digest: Digest, content: Content, upstream: Digest) -> None:
        """Keep an index of ours. Raises ValueError if `digest` is not that of the body."""
        refuse_unless_verified(digest, content)
        with self._reading() as connection:
            newest = _made_of(connection, digest)[:1]
            if newest == (upstream,) and _stored(connection, ANSWERS, digest) == content:
                return
        with self._writing() as connection:
            _write(connection, ANSWERS, digest, content)
            _make_newest(connection, digest, upstream)

    def seen(self) -> Mapping[str, datetime]:
        """When each user was seen last."""
        with self._reading() as connection:
            rows = connection.execute(select(SEEN.c.user, SEEN.c.at))
            return {row.user: datetime.fromtimestamp(row.at, UTC) for row in rows}

    def keep_seen(self, seen: Mapping[str, datetime]) -> None:
        """Keep when users were seen."""
        if not seen:
            return
        insertion = sqlite.insert(SEEN)
        later = func.max(SEEN.c.at, insertion.excluded.at)
        statement = insertion.on_conflict_do_update(index_elements=["user"], set_={"at": later})
        rows = [{"user": user, "at": int(at.timestamp())} for user, at in seen.items()]
        with self._writing() as connection:
            connection.execute(statement, rows)

    def keep_decisions(self, decisions: Sequence[Decision], most: int) -> None:
        """Keep these, and forget all but the `most` newest of all."""
        if not decisions:
            return
        rows = [{"body": decision.dumped()} for decision in decisions]
        newest = select(func.max(DECISIONS.c.place)).scalar_subquery()
        with self._writing() as connection:
            connection.execute(insert(DECISIONS), rows)
            connection.execute(delete(DECISIONS).where(DECISIONS.c.place <= newest - most))

    def decisions(self, after: int | None = None, most: int = 1000) -> Sequence[KeptDecision]:
        """The first `most` beyond the place `after`; without it, the newest. By their places."""
        place = DECISIONS.c.place
        wanted = select(place, DECISIONS.c.body).limit(most)
        if after is None:
            wanted = wanted.order_by(place.desc())
        else:
            wanted = wanted.where(place > after).order_by(place)
        with self._reading() as connection:
            rows = connection.execute(wanted).all()
            kept = [KeptDecision(row.place, Decision.loaded(row.body)) for row in rows]
        return kept if after is not None else kept[::-1]

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except ForeignFileError as error:
            self.close()
            raise StoreError(f"{self._path} {error}: choose another file") from error
        except StoreError:
            self.close()
            raise

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with explained(self._path), self._engine.connect() as connection:
            self._refuse_if_replaced()
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that waits for its lock at the start, so that none is refused half-way."""
        with explained(self._path), self._engine.begin() as connection:
            self._refuse_if_replaced()
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def _refuse_if_replaced(self) -> None:
        """A file without a name takes all that is written, and is gone after a restart."""
        if not self._path.exists() or _identity(self._path) != self._opened:
            raise StoreError(f"{self._path} was taken away while it was in use: restart MetaHub")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _stored(connection: Connection, table: Table, digest: Digest) -> Content | None:
    wanted = select(table.c.media_type, table.c.body).where(table.c.digest == str(digest))
    row = connection.execute(wanted).one_or_none()
    return Content(row.media_type, row.body) if row else None


def _verified(content: Content | None, digest: Digest) -> Content | None:
    if content is not None:
        refuse_unless_verified(digest, content)
    return content


def _made_of(connection: Connection, digest: Digest) -> tuple[Digest, ...]:
    origins = select(ORIGINS.c.upstream).where(ORIGINS.c.answer == str(digest))
    newest_first = connection.execute(origins.order_by(ORIGINS.c.place.desc()))
    return tuple(map(Digest.parse, newest_first.scalars()))


def _write(connection: Connection, table: Table, digest: Digest, content: Content) -> None:
    row = {"media_type": content.media_type, "body": content.body}
    statement = sqlite.insert(table).values(digest=str(digest), **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=row))


def _make_newest(connection: Connection, digest: Digest, upstream: Digest) -> None:
    pair = {"answer": str(digest), "upstream": str(upstream)}
    connection.execute(delete(ORIGINS).filter_by(**pair))
    connection.execute(insert(ORIGINS).values(pair))
