"""The tables, and the version of a file that holds them.

Knows what a file of ours looks like. Must not know digests, nor how a file is opened.
"""

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, Text, inspect
from sqlalchemy import UniqueConstraint as Unique

# Both stand in the header of the file: https://www.sqlite.org/fileformat2.html#application_id
APPLICATION_ID = int.from_bytes(b"MHub")
VERSION = 1

_TABLES = MetaData()

INDEXES = Table(
    "indexes",
    _TABLES,
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Upstream's indexes, by `D`."""

ANSWERS = Table(
    "answers",
    _TABLES,
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Ours, by `D'`."""

ORIGINS = Table(
    "origins",
    _TABLES,
    Column("place", Integer, primary_key=True),
    Column("answer", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Unique("answer", "upstream"),
)
"""What each answer was made of. The higher the place, the newer."""

SEEN = Table(
    "seen",
    _TABLES,
    Column("user", Text, primary_key=True),
    Column("at", Integer, nullable=False),
)
"""When each user was seen last, in seconds since 1970."""

DECISIONS = Table(
    "decisions",
    _TABLES,
    Column("place", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""What was answered to whom, as JSON. The higher the place, the newer; none is taken twice."""


class ForeignFileError(Exception):
    """The file is a database, but none that this MetaHub can use. The message says what it is."""


def make(connection: Connection) -> None:
    """Make the tables that are not there: all in an empty file, and some in one of ours.

    Signs it again, so that a file that cannot be written is told now, and not at the first pull.
    """
    _TABLES.create_all(connection)
    _sign(connection)


def recognise(connection: Connection) -> None:
    """Raise ForeignFileError for a file that `make` has not made."""
    if _stated(connection, "application_id") != APPLICATION_ID:
        raise ForeignFileError("is no store of MetaHub's")
    version = _stated(connection, "user_version")
    if version != VERSION:
        raise ForeignFileError(f"has format {version}, and this MetaHub knows format {VERSION}")


def is_whole(connection: Connection) -> bool:
    """False for a file that an earlier MetaHub made, and none has opened since to write to it."""
    return _TABLES.tables.keys() <= set(inspect(connection).get_table_names())


def _sign(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")


def _stated(connection: Connection, pragma: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())
