"""A SQLite file, which any number of threads and processes of one machine may share.

Private, durable, patient, and its failures are sentences. Knows SQLite's ways with files and locks.
Must not know the tables.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from metahub.core.distribution import one_line
from metahub.store.contract import StoreError
from metahub.store.database import closed_on_error
from metahub.store.history import ForeignError, bring_up_to_date, recognise
from metahub.store.sentences import DAMAGED, RESTORE, damaged

LOCK_TIMEOUT_SECONDS = 5.0
"""How long to wait for another thread or process that writes. A write takes milliseconds."""

# Stands in the header of the file: https://www.sqlite.org/fileformat2.html#application_id
APPLICATION_ID = int.from_bytes(b"MHub")

# Upstream's indexes may be those of private images.
_PRIVATE = 0o600

# FULL syncs the log before a commit returns: an answer outlives a loss of power too, for a
# millisecond or two once for each new D'. https://www.sqlite.org/pragma.html#pragma_synchronous
_DURABLE = "PRAGMA synchronous = FULL"

# Who reads never waits for who writes. The file remembers it; a file that others have open may
# refuse it. https://www.sqlite.org/wal.html
_WRITE_AHEAD = "PRAGMA journal_mode = WAL"

_REMEDIES = {
    sqlite3.SQLITE_BUSY: "stop the program that keeps it locked, or choose another file",
    sqlite3.SQLITE_FULL: "free some space on its disk",
    sqlite3.SQLITE_IOERR: "look after its disk and the limits on its size",
    sqlite3.SQLITE_CORRUPT: RESTORE,
    sqlite3.SQLITE_NOTADB: "choose another file, or move it away and restart",
    sqlite3.SQLITE_READONLY: "let this user write to it and to its directory",
    sqlite3.SQLITE_CANTOPEN: "choose a file in a directory that this user may write to",
}
_OTHER_REMEDY = "choose another file, or report this"


class SqliteDatabase:
    """One file. Comes from `SqliteDatabase.at`, or from `SqliteDatabase.to_read`.

    Only SQLite may open the file: closing it elsewhere in the process lets go of SQLite's locks.
    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """

    __slots__ = ("_engine", "_opened", "_path")

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._engine = engine
        self._opened = _identity(path)

    @classmethod
    def at(cls, path: Path, lock_timeout: float) -> "SqliteDatabase":
        """The file, made where there is none. Who writes waits so long for who wrote first.

        Raises StoreError.
        """
        path = path.absolute()
        with _explained(path):
            if not path.exists():
                _create(path)
            database = cls(path, _engine_to_write(path, lock_timeout))
        with closed_on_error(database), database.writing() as connection:
            _recognise_file(connection)
            bring_up_to_date(connection)
        return database

    @classmethod
    def to_read(cls, path: Path) -> "SqliteDatabase":
        """A file that is there. Who reads waits for nobody, nor he for it. Raises StoreError."""
        path = path.absolute()
        with _explained(path):
            database = cls(path, _engine_to_read(path))
        with closed_on_error(database), database.reading() as connection:
            _recognise_file(connection)
            recognise(connection)
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with."""
        with _explained(self._path), self._engine.connect() as connection:
            self._refuse_if_replaced()
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that waits for its lock at the start, so that none is refused half-way."""
        with _explained(self._path), self._engine.begin() as connection:
            self._refuse_if_replaced()
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def size(self) -> float:
        """The bytes of the file and of what is not yet merged into it."""
        # https://www.sqlite.org/wal.html#the_wal_file
        ahead = self._path.with_name(f"{self._path.name}-wal")
        with _explained(self._path):
            self._refuse_if_replaced()
            merged = self._path.stat().st_size
            return merged + (ahead.stat().st_size if ahead.exists() else 0)

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def _refuse_if_replaced(self) -> None:
        """A file without a name takes all that is written, and is gone after a restart."""
        if not self._path.exists() or _identity(self._path) != self._opened:
            raise StoreError(f"{self._path} was taken away while it was in use: restart MetaHub")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _recognise_file(connection: Connection) -> None:
    """Raise ForeignError for a file that `_create` has not made."""
    stated = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    if stated != APPLICATION_ID:
        raise ForeignError("is no store of MetaHub's: choose another file")


def _create(path: Path) -> None:
    """Create the file `path` with the tables of today, unless another does so first.

    It is whole from its first moment, since another process may open it at the next.
    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", dir=path.parent) as private:
        fresh = Path(private) / "fresh"
        _fill(fresh)
        fresh.chmod(_PRIVATE)
        with suppress(FileExistsError):
            path.hardlink_to(fresh)


def _fill(path: Path) -> None:
    engine = _engine_to_write(path, lock_timeout=0)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(_WRITE_AHEAD)
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            bring_up_to_date(connection)
    finally:
        engine.dispose()


def _engine_to_write(path: Path, lock_timeout: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": lock_timeout},
        max_overflow=-1,
    )
    event.listen(engine, "connect", _make_durable)
    return engine


def _engine_to_read(path: Path) -> Engine:
    """Writes nothing: https://www.sqlite.org/uri.html#urimode."""
    asked = {"mode": "ro", "uri": "true"}
    return create_engine(
        URL.create("sqlite", database=f"file:{quote(str(path))}", query=asked),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
    )


def _make_durable(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute(_DURABLE)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever goes wrong with the file inside becomes a StoreError."""
    try:
        yield
    except ForeignError as error:
        raise StoreError(f"{path} {error}") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(_sentence(path, error)) from error
    except OSError as error:
        remedy = _REMEDIES[sqlite3.SQLITE_CANTOPEN]
        raise StoreError(f"{path} cannot be used ({error.strerror}): {remedy}") from error
    except DAMAGED as error:
        raise damaged(str(path), error) from error


def _sentence(path: Path, error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    # The low byte says what went wrong, the rest where: https://www.sqlite.org/rescode.html
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    remedy = _REMEDIES.get(code, _OTHER_REMEDY)
    return f"{path} cannot be used ({one_line(str(cause), 200)}): {remedy}"
