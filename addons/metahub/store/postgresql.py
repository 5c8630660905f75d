"""A database of PostgreSQL's: shared by instances on many machines, patient, but not for ever.

Knows PostgreSQL's ways with connections and locks. Must not know the tables.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from metahub.core.distribution import one_line
from metahub.store.contract import StoreError
from metahub.store.database import closed_on_error
from metahub.store.history import ForeignError, bring_up_to_date, recognise
from metahub.store.location import secrets_of, without_secrets
from metahub.store.sentences import DAMAGED, damaged

SECONDS = 3.0
"""How long to wait for a connection, for a statement, and for who writes at the same time, unless
`connect_timeout` of the URL says it, as in libpq:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-CONNECT-TIMEOUT
"""

_MOST_CONNECTIONS = 8
"""As many as there are threads that ask; the rest of them is closed after use."""

_SECONDS_OF_A_CONNECTION = 300
"""Then another is made, which may lead elsewhere: a name may have moved on to another server."""

# Any number, but the same in all instances: who writes holds the lock of this name.
WRITING = int.from_bytes(b"MHub")

_REMEDIES = {
    "42": "let its user make tables and write to them",
    "53": "free some space on its disk, or let more connect to it",
    "55": "look after its locks and its load",
    "57": "look after its locks and its load",
    "25": "name the server that may be written to",
}
_NO_CONNECTION = "see that it runs, is reached from here, and lets this user in"
_OTHER_REMEDY = "look into its log, or report this"


class PostgresDatabase:
    """One database. Comes from `PostgresDatabase.at`, or from `PostgresDatabase.to_read`."""

    __slots__ = ("_engine", "_name", "_secrets", "_transactions")

    def __init__(self, url: URL, engine: Engine) -> None:
        self._name = without_secrets(url)
        self._secrets = secrets_of(url)
        self._engine = engine
        self._transactions = engine.execution_options(isolation_level="READ COMMITTED")

    @classmethod
    def at(cls, url: URL, seconds: float | None = None) -> "PostgresDatabase":
        """The database, with the tables of today. Raises StoreError."""
        seconds = seconds or _patience(url)
        database = cls(url, _engine(url, seconds, pool_size=_MOST_CONNECTIONS, max_overflow=-1))
        with closed_on_error(database), database.writing() as connection:
            bring_up_to_date(connection)
        return database

    @classmethod
    def to_read(cls, url: URL) -> "PostgresDatabase":
        """The database as it is; writing to it fails. Raises StoreError."""
        database = cls(url, _engine(url, _patience(url), poolclass=NullPool))
        event.listen(database._engine, "connect", _let_read_only)
        with closed_on_error(database), database.reading() as connection:
            recognise(connection)
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Each statement sees what was kept before it."""
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that waits for its lock at the start: who writes next sees all of it.

        PostgreSQL lets go of the lock after it has shown to all what was written, so that whatever
        counts up becomes visible in the order in which it was counted.
        """
        with self._explained(), self._transactions.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(WRITING)))
            yield connection

    def size(self) -> float:
        """The bytes of the database, with what others keep in it."""
        with self.reading() as connection:
            size = func.pg_database_size(func.current_database())
            return float(connection.execute(select(size)).scalar_one())

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ForeignError as error:
            raise StoreError(f"{self._name} {error}") from error
        except (SQLAlchemyError, psycopg.Error) as error:
            raise StoreError(self._sentence(error)) from error
        except DAMAGED as error:
            raise damaged(self._name, error) from error

    def _sentence(self, error: Exception) -> str:
        cause = error.orig if isinstance(error, DBAPIError) else error
        why = one_line(str(cause), 200)
        for secret in self._secrets:
            why = why.replace(secret, "…")
        return f"{self._name} cannot be used ({why}): {_remedy(cause)}"


def _patience(url: URL) -> float:
    stated = str(url.query.get("connect_timeout", ""))
    return float(stated) if stated.isdecimal() and int(stated) else SECONDS


def _remedy(cause: BaseException | None) -> str:
    """By the class of the error: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
    state = getattr(cause, "sqlstate", None)
    if state is None and isinstance(cause, psycopg.OperationalError):
        return _NO_CONNECTION  # which has no code
    return _REMEDIES.get((state or "")[:2], _OTHER_REMEDY)


def _engine(url: URL, seconds: float, **pool: Any) -> Engine:
    """What was lost, and what nobody answers on, is connected anew at the next use."""
    patient = _patient_for(seconds)
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": max(2, round(seconds)), "application_name": "metahub"},
        pool_pre_ping=True,
        pool_recycle=_SECONDS_OF_A_CONNECTION,
        **pool,
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_: Any, __: Any, words: list[str], named: dict[str, Any]) -> object:
        return patient.connect(*words, **named)

    @event.listens_for(engine, "connect")
    def _limit(connection: "psycopg.Connection[Any]", _: Any) -> None:
        limit = f"{round(seconds * 1000)}"
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute("SELECT set_config(%s, %s, false)", (name, limit))
        connection.commit()

    return engine


def _let_read_only(connection: "psycopg.Connection[Any]", _: Any) -> None:
    connection.execute("SET default_transaction_read_only = on")
    connection.commit()


def _patient_for(seconds: float) -> "type[psycopg.Connection[Any]]":
    """Connections that end when the server says nothing for so long.

    It stops its own statements in time, but a machine that is gone or held stops nothing.
    """

    class Patient(psycopg.Connection[Any]):
        def wait[T](self, gen: PQGen[T], *words: Any, **named: Any) -> T:
            until = time.monotonic() + seconds + 1  # rather its own word than ours
            return super().wait(_in_time(gen, self.pgconn, until), *words, **named)

    return Patient


def _in_time[T](asked: PQGen[T], connection: PGconn, until: float) -> PQGen[T]:
    """The same, as long as the time is not up. psycopg sends a zero where nothing came."""
    try:
        wanted = next(asked)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > until:
                connection.finish()
                raise psycopg.OperationalError("it says nothing")
            wanted = asked.send(ready)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
