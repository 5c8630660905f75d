"""A SQLite file as an engine: private, durable, patient, and its failures as sentences.

Knows SQLite's ways with files and locks. Must not know the tables.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from metahub.core.distribution import one_line
from metahub.store.contract import StoreError

# Upstream's indexes may be those of private images.
_PRIVATE = 0o600

# FULL syncs the log before a commit returns: an answer outlives a loss of power too, for a
# millisecond or two once for each new D'. https://www.sqlite.org/pragma.html#pragma_synchronous
_ON_CONNECT = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")

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


def open_file(path: Path, lock_timeout: float) -> Engine:
    """The engine on the file `path`, made where there is none. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE))
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": lock_timeout},
        max_overflow=-1,
    )
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
    for pragma in _ON_CONNECT:
        connection.execute(pragma)


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
