"""The tables, and the version of a file that holds them.

Knows what a file of ours looks like. Must not know digests, nor how a file is opened.
"""

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, Text
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


class ForeignFileError(Exception):
    """The file is a database, but none that this MetaHub can use. The message says what it is."""


def prepare(connection: Connection) -> None:
    """Make the tables in a new file, within a transaction. Raises ForeignFileError."""
    stated = _stated(connection, "application_id"), _stated(connection, "user_version")
    if stated == (APPLICATION_ID, VERSION):
        return
    if stated[0] == APPLICATION_ID:
        raise ForeignFileError(f"has format {stated[1]}, and this MetaHub writes format {VERSION}")
    if stated != (0, 0) or _stated(connection, "schema_version") != 0:
        raise ForeignFileError("is the database of another program")
    _TABLES.create_all(connection)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")


def _stated(connection: Connection, pragma: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())
