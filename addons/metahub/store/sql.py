"""A store in a database: a SQLite file of this machine, or PostgreSQL.

Knows the rows of the tables. Must not know what an index means, nor how a database is reached.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from metahub.core.content import Content
from metahub.core.decision import Decision, MalformedDecisionError
from metahub.core.digest import Digest
from metahub.store.contract import (
    NOTED_AGAIN,
    KeptAnswer,
    KeptDecision,
    StoreError,
    refuse_unless_verified,
)
from metahub.store.database import Database
from metahub.store.location import Location
from metahub.store.schema import ANSWERS, DECISIONS, INDEXES, ORIGINS, SEEN
from metahub.store.sqlite import LOCK_TIMEOUT_SECONDS, SqliteDatabase

_INSERTIONS: Mapping[str, Callable[[Table], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""With `ON CONFLICT`, which both have from the same hand."""


class SqlStore:
    """Keeps everything in a database. Comes from `SqlStore.at`, or from `SqlStore.to_read`."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def at(cls, location: Location, lock_timeout: float = LOCK_TIMEOUT_SECONDS) -> Self:
        """The store there, made where there is none. Raises StoreError.

        `lock_timeout` is how long who writes waits for who wrote first, in seconds.
        """
        if isinstance(location, Path):
            return cls(SqliteDatabase.at(location, lock_timeout))
        from metahub.store.postgresql import PostgresDatabase  # noqa: PLC0415 - 0.1 s

        return cls(PostgresDatabase.at(location))

    @classmethod
    def to_read(cls, location: Location) -> Self:
        """The store that is there. Keeping fails; whoever keeps something is not in its way.

        Raises StoreError.
        """
        if isinstance(location, Path):
            return cls(SqliteDatabase.to_read(location))
        from metahub.store.postgresql import PostgresDatabase  # noqa: PLC0415 - 0.1 s

        return cls(PostgresDatabase.to_read(location))

    def index(self, digest: Digest) -> Content | None:
        """The upstream index `digest`; None if it was never kept."""
        with self._database.reading() as connection:
            return _verified(_stored(connection, INDEXES, digest), digest)

    def keep_index(self, digest: Digest, content: Content) -> None:
        """Keep an upstream index. Raises ValueError if `digest` is not that of the body."""
        refuse_unless_verified(digest, content)
        with self._database.reading() as connection:
            if _is_kept(connection, INDEXES, digest, content):
                return
        with self._database.writing() as connection:
            _write(connection, INDEXES, digest, content)

    def answer(self, digest: Digest) -> KeptAnswer | None:
        """The index of ours `digest`; None if it was never kept."""
        with self._database.reading() as connection:
            made_of = _made_of(connection, digest)  # who keeps it, or forgets it, may come between
            content = _verified(_stored(connection, ANSWERS, digest), digest)
            return KeptAnswer(content, made_of) if content and made_of else None

    def keep_answer(self, digest: Digest, content: Content, upstream: Digest) -> None:
        """Keep an index of ours. Raises ValueError if `digest` is not that of the body."""
        refuse_unless_verified(digest, content)
        with self._database.reading() as connection:
            newest = _made_of(connection, digest)[:1]
            if newest == (upstream,) and _is_kept(connection, ANSWERS, digest, content):
                return
        with self._database.writing() as connection:
            _write(connection, ANSWERS, digest, content)
            _make_newest(connection, digest, upstream)

    def seen(self) -> Mapping[str, datetime]:
        """When each user was seen last."""
        with self._database.reading() as connection:
            rows = connection.execute(select(SEEN.c.user, SEEN.c.at))
            return {row.user: datetime.fromtimestamp(row.at, UTC) for row in rows}

    def keep_seen(self, seen: Mapping[str, datetime]) -> None:
        """Keep when users were seen."""
        if not seen:
            return
        rows = [{"user": user, "at": _seconds(at)} for user, at in sorted(seen.items())]
        with self._database.writing() as connection:
            insertion = _INSERTIONS[connection.dialect.name](SEEN)
            at = insertion.excluded.at
            later = insertion.on_conflict_do_update(
                index_elements=["user"], set_={"at": at}, where=SEEN.c.at < at
            )
            connection.execute(later, rows)

    def keep_decisions(self, decisions: Sequence[Decision], most: int) -> None:
        """Keep these, and forget all but the `most` newest of all."""
        if not decisions:
            return
        rows = [{"body": decision.dumped()} for decision in decisions]
        newest = select(func.max(DECISIONS.c.place)).scalar_subquery()
        with self._database.writing() as connection:
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
        with self._database.reading() as connection:
            rows = connection.execute(wanted).all()
        try:
            kept = [KeptDecision(row.place, Decision.loaded(row.body)) for row in rows]
        except MalformedDecisionError as error:
            why = f"a decision in it cannot be read ({error}): it is of a newer MetaHub, or damaged"
            raise StoreError(why) from error
        return kept if after is not None else kept[::-1]

    def keep_used(self, used: Mapping[Digest, datetime]) -> None:
        """Keep when indexes were used last."""
        if not used:
            return
        rows = [{"which": str(digest), "at": _seconds(at)} for digest, at in used.items()]
        with self._database.writing() as connection:
            for table in (INDEXES, ANSWERS):
                earlier = table.c.used < bindparam("at")
                those = update(table).where(table.c.digest == bindparam("which"), earlier)
                connection.execute(those.values(used=bindparam("at")), rows)

    def forget_unused(self, before: datetime, most: int) -> int:
        """Forget as many as `most` indexes of each kind that were neither kept nor used since."""
        with self._database.writing() as connection:
            answers = _unused(connection, ANSWERS, before, most)
            indexes = _unused(connection, INDEXES, before, most)
            connection.execute(delete(ORIGINS).where(ORIGINS.c.answer.in_(answers)))
            connection.execute(delete(ANSWERS).where(ANSWERS.c.digest.in_(answers)))
            connection.execute(delete(INDEXES).where(INDEXES.c.digest.in_(indexes)))
        return len(answers) + len(indexes)

    def size(self) -> float:
        """The bytes of the file, or of the database."""
        return self._database.size()

    def close(self) -> None:
        """Close the file, or the connections."""
        self._database.close()


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


def _is_kept(connection: Connection, table: Table, digest: Digest, content: Content) -> bool:
    """Whether it is there, and used so lately that nobody forgets it: it is served next."""
    wanted = select(table.c.used).where(table.c.digest == str(digest))
    used = connection.execute(wanted).scalar_one_or_none()
    if used is None or used < _seconds(datetime.now(UTC) - NOTED_AGAIN):
        return False
    return _stored(connection, table, digest) == content


def _write(connection: Connection, table: Table, digest: Digest, content: Content) -> None:
    now = _seconds(datetime.now(UTC))
    row = {"media_type": content.media_type, "body": content.body, "used": now}
    statement = _INSERTIONS[connection.dialect.name](table).values(digest=str(digest), **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=row))


def _unused(connection: Connection, table: Table, before: datetime, most: int) -> list[str]:
    old = select(table.c.digest).where(table.c.used < _seconds(before))
    return list(connection.execute(old.order_by(table.c.used).limit(most)).scalars())


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _make_newest(connection: Connection, digest: Digest, upstream: Digest) -> None:
    pair = {"answer": str(digest), "upstream": str(upstream)}
    connection.execute(delete(ORIGINS).filter_by(**pair))
    connection.execute(insert(ORIGINS).values(pair))
