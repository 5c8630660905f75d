"""A SQLite file as an engine: private, durable, patient, and its failures as sentences.

Knows SQLite's ways with files and locks. Must not know the tables.
"""

import sqlite3
from collections.abc import Callable, Iterator
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
    sqlite3.SQLITE_CORRUPT: "restore it from a backup, or move it away and restart",
    sqlite3.SQLITE_NOTADB: "choose another file, or move it away and restart",
    sqlite3.SQLITE_READONLY: "let this user write to it and to its directory",
    sqlite3.SQLITE_CANTOPEN: "choose a file in a directory that this user may write to",
}
_OTHER_REMEDY = "choose another file, or report this"


def create_file(path: Path, fill: Callable[[Connection], None]) -> None:
    """Create the file `path` as `fill` fills it, unless another does so first. Raises OSError.

    It is whole from its first moment, since another process may open it at the next.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", dir=path.parent) as private:
        fresh = Path(private) / "fresh"
        _write(fresh, fill)
        fresh.chmod(_PRIVATE)
        with suppress(FileExistsError):
            path.hardlink_to(fresh)


def _write(path: Path, fill: Callable[[Connection], None]) -> None:
    engine = open_file(path, lock_timeout=0)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(_WRITE_AHEAD)
            fill(connection)
    finally:
        engine.dispose()


def open_file(path: Path, lock_timeout: float) -> Engine:
    """The engine on the file `path`. Who writes waits `lock_timeout` seconds for who wrote first.

    Only SQLite may open the file: closing it elsewhere in the process lets go of SQLite's locks.
    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": lock_timeout},
        max_overflow=-1,
    )
    event.listen(engine, "connect", _make_durable)
    return engine


def open_file_to_read(path: Path) -> Engine:
    """The engine on the file `path` that writes nothing. Who reads waits for nobody, nor he for it.

    https://www.sqlite.org/uri.html#urimode
    """
    asked = {"mode": "ro", "uri": "true"}
    return create_engine(
        URL.create("sqlite", database=f"file:{quote(str(path))}", query=asked),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
    )


def _make_durable(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute(_DURABLE)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Whatever goes wrong with the file inside becomes a StoreError.

    A row that does not read as what was once written raises ValueError or TypeError.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(_sentence(path, error)) from error
    except OSError as error:
        remedy = _REMEDIES[sqlite3.SQLITE_CANTOPEN]
        raise StoreError(f"{path} cannot be used ({error.strerror}): {remedy}") from error
    except (TypeError, ValueError) as error:
        remedy = _REMEDIES[sqlite3.SQLITE_CORRUPT]
        raise StoreError(f"{path} is damaged ({one_line(str(error), 200)}): {remedy}") from error


def _sentence(path: Path, error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    # The low byte says what went wrong, the rest where: https://www.sqlite.org/rescode.html
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    remedy = _REMEDIES.get(code, _OTHER_REMEDY)
    return f"{path} cannot be used ({one_line(str(cause), 200)}): {remedy}"
